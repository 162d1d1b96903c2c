"""Runtime images in the packer's cache: found, made, listed, added from a file, removed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamapack.image.errors import ImageError, ImageFileError
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.steps import Report
from llamapack.targets.host import host_name
from llamapack.targets.table import target_named

FACTS = "image.json"
ARCHIVE = "runtime.tar.zst"
LAUNCHER = "launcher"
LICENSES = "licenses/"
ADDED = "added"  # an empty file beside the others
IMAGE_SCHEMA = 1
UNUSED_S = 30 * 24 * 3600.0
MAX_FILE_BYTES = 2 * 1024**3
_SHIPPED = Path(__file__).resolve().parents[1] / "images"


@dataclass(frozen=True, slots=True)
class RuntimeImage:
    """A finished image: the frozen runtime as tar.zst, its launcher, and what is known of them.
    `glibc_floor` and `macos_floor`: the oldest that it starts on, where it is for such a system.
    `gpu`: its backends for graphics processors, "vulkan", "cuda", "metal"; None: made without, and
    empty: left out because the packer wished it."""

    target: str
    key: str
    archive: Path
    launcher: Path
    glibc_floor: str | None
    versions: Mapping[str, str]
    architectures: frozenset[str]
    licenses: tuple[Path, ...]
    gpu: tuple[str, ...] | None = None
    macos_floor: str | None = None

    @property
    def folder(self) -> Path:
        return self.archive.parent

    @property
    def size_bytes(self) -> int:
        return self.archive.stat().st_size + self.launcher.stat().st_size


def images_folder() -> Path:
    return build_cache() / "images"


def list_images() -> list[RuntimeImage]:
    """Every image in the cache, sorted by target, the newest first."""
    found = [load_image(path.parent) for path in images_folder().glob(f"*/{FACTS}")]
    return sorted(found, key=lambda image: (image.target, -image.archive.stat().st_mtime_ns))


def find_image(target: str) -> RuntimeImage | None:
    """The image made from the sources at hand, else the one that came with this package, else the
    newest that was added from a file; at last the one made from the sources without its GPU
    library. None with CUDA, which is only for those who ask for it."""
    from llamapack.image.make import image_keys  # imports the whole build: only for a lookup

    best, *lesser = image_keys(target)
    image = made_image(target, best) or _shipped(target)
    if image is not None:
        return image
    usual = (image for image in list_images() if "cuda" not in (image.gpu or ()))
    added = (image for image in usual if image.target == target)
    made_less = (made_image(target, key) for key in lesser)
    in_order = (*(image for image in added if (image.folder / ADDED).exists()), *made_less)
    return next((image for image in in_order if image is not None), None)


def made_image(target: str, key: str) -> RuntimeImage | None:
    """The one that was made here under that key, or None; its UNUSED_S begin anew."""
    folder = images_folder() / f"{target}-{key}"
    if not (folder / FACTS).is_file():
        return None
    with contextlib.suppress(OSError):
        os.utime(folder / FACTS)
    return load_image(folder)


def _shipped(target: str) -> RuntimeImage | None:
    """The image that came with this package, a wheel for one platform."""
    file = _SHIPPED / f"{target}.image"
    if not file.is_file():
        return None
    key = _read_facts(file)["key"]
    folder = images_folder() / f"{target}-{key}"
    return load_image(folder) if (folder / FACTS).is_file() else add_image(file, target)


def ensure_image(target: str, report: Report) -> RuntimeImage:
    """The image for `target`, made when it is missing. Raises ImageError when it cannot be."""
    image = find_image(target)
    if image is not None:
        return image
    from llamapack.image.make import make_image  # imports the whole build: only to make one

    return make_image(target, report)


def best_image(target: str, report: Report) -> RuntimeImage:
    """As `ensure_image`; but where it was made without its GPU library, that is tried again."""
    from llamapack.image.make import image_keys, make_image  # as above

    image, (best, *_) = find_image(target), image_keys(target)
    is_lesser = image is not None and image.key != best and image.key in image_keys(target)
    return make_image(target, report) if image is None or is_lesser else image


def image_at_hand(target: str) -> RuntimeImage:
    """As `ensure_image`, but makes none. ImageError when it is missing."""
    image = find_image(target)
    if image is None:
        raise ImageError(f"There is no runtime image for {target} yet. {how_to_get(target)}")
    return image


def how_to_get(target: str) -> str:
    """A sentence with the commands that bring the image."""
    if target == host_name():
        return "Make it with 'llamapack runtime build'."
    if target_named(target).system == "macos":
        return (
            "Make it on such a Mac with 'llamapack runtime build -o FILE' and take it in here with "
            f"'llamapack runtime add FILE', or get one with 'llamapack runtime fetch {target}'."
        )
    return (
        f"Make it with 'llamapack runtime build --target {target}', or get one that was made "
        f"elsewhere with 'llamapack runtime fetch {target}' or 'llamapack runtime add FILE'."
    )


def load_image(folder: Path) -> RuntimeImage:
    """The image in `folder`. Raises ImageError when its facts are damaged."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return RuntimeImage(
            target=facts["target"],
            key=facts["key"],
            archive=folder / ARCHIVE,
            launcher=folder / LAUNCHER,
            glibc_floor=facts["glibc_floor"],
            versions=facts["versions"],
            architectures=frozenset(facts["architectures"]),
            licenses=tuple(sorted((folder / "licenses").iterdir())),
            gpu=tuple(facts["gpu"]) if facts.get("gpu") else None,
            macos_floor=facts.get("macos_floor"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageError(
            f"The runtime image in {folder} is damaged ({error}). "
            "Remove it with 'llamapack runtime remove' and build it again."
        ) from error


def write_facts(folder: Path, target: str, key: str, facts: Mapping[str, object]) -> None:
    """Write image.json, with a SHA-256 of every other file of the image."""
    sums = {name: _sha256(folder / name) for name in _file_names(folder)}
    fields = {"schema": IMAGE_SCHEMA, "target": target, "key": key, "sha256": sums} | dict(facts)
    text = json.dumps(fields, indent=2, sort_keys=True)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def export_image(image: RuntimeImage, out: Path) -> None:
    """Write the image as one file that `add_image` reads."""
    work = out.with_name(f".{out.name}.tmp")
    try:
        with zipfile.ZipFile(work, "w", zipfile.ZIP_STORED) as file:
            for name in [FACTS, *_file_names(image.folder)]:
                file.write(image.folder / name, name)
        work.replace(out)
    except OSError as error:
        work.unlink(missing_ok=True)
        raise ImageError(f"Cannot write {out}: {error.strerror}.") from error


def add_image(path: Path, target: str | None = None) -> RuntimeImage:
    """Take an image file into the cache. Raises ImageFileError when it is not one, is damaged, or
    is for another than `target`."""
    images_folder().mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="add-", dir=images_folder()))
    try:
        _unpack_checked(path, work)
        image = load_image(work)
        if target not in (None, image.target):
            raise ImageFileError(f"{path.name} is for {image.target}, not for {target}.")
        folder = images_folder() / f"{image.target}-{image.key}"
        if not folder.exists():
            fill_once(folder, lambda target: _copy_tree(work, target))
        (folder / ADDED).touch()
        return load_image(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)


def remove_image(key: str) -> RuntimeImage:
    """Remove the image whose key starts with `key`. Raises ImageError when none or several do."""
    matches = [image for image in list_images() if image.key.startswith(key)]
    if len(matches) != 1:
        count = "no runtime image has" if not matches else f"{len(matches)} runtime images have"
        raise ImageError(f"{count} a key that starts with '{key}'. See 'llamapack runtime list'.")
    shutil.rmtree(matches[0].folder)
    return matches[0]


def remove_unused_images(now_s: float | None = None) -> dict[str, int]:
    """Remove what was made here, by other versions as a rule, and found by none for UNUSED_S until
    `now_s`, seconds since 1970. What was added from files stays. The keys, and bytes freed."""
    limit_s = (time.time() if now_s is None else now_s) - UNUSED_S
    freed = {}
    for facts in images_folder().glob(f"*/{FACTS}"):
        folder = facts.parent
        if facts.stat().st_mtime < limit_s and not (folder / ADDED).exists():
            freed[folder.name.rpartition("-")[2]] = (folder / ARCHIVE).stat().st_size
            shutil.rmtree(folder)
    return freed


def _read_facts(path: Path) -> Any:
    """Of an image file; not checked."""
    try:
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read(FACTS))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ImageFileError(f"{path.name} is not a llamapack runtime image ({error}).") from error


def _unpack_checked(path: Path, work: Path) -> None:
    sums_of = _read_facts(path)
    try:
        with zipfile.ZipFile(path) as file:
            sums = sums_of["sha256"]
            if {FACTS, *sums} != set(file.namelist()) or not {ARCHIVE, LAUNCHER} <= set(sums):
                raise ImageFileError(f"{path.name} does not hold what a runtime image holds.")
            if sum(item.file_size for item in file.infolist()) > MAX_FILE_BYTES:
                raise ImageFileError(f"{path.name} is too large to be a runtime image.")
            file.extractall(work)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ImageFileError(f"{path.name} is not a llamapack runtime image ({error}).") from error
    for name, digest in sums.items():
        if _sha256(work / name) != digest:
            raise ImageFileError(f"{path.name} is damaged: '{name}' does not match its check sum.")
    (work / LAUNCHER).chmod(0o755)


def _file_names(folder: Path) -> Iterator[str]:
    yield ARCHIVE
    yield LAUNCHER
    for path in sorted((folder / LICENSES).iterdir()):
        yield LICENSES + path.name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
