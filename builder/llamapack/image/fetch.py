"""Runtime images out of platform wheels: each holds the image of its own platform."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from llamapack.image.errors import ImageError, ImageFileError
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.store import MAX_FILE_BYTES, RuntimeImage, add_image
from llamapack.targets.table import target_named

WHEEL_FOLDER = "llamapack/images"
WHEEL_IMAGE_VARIABLE = "LLAMAPACK_WHEEL_IMAGE"  # read where a wheel is built: the file to put in
_PACKAGE = "llamapack"
_CHUNK_BYTES = 1 << 20


def image_name(target: str) -> str:
    """The name of its image in a wheel."""
    return f"{WHEEL_FOLDER}/{target}.image"


def fetch_image(target: str, report: Report) -> RuntimeImage:
    """The image of this llamapack's version for `target`, out of the wheel that pip finds where it
    finds all packages. Raises ImageError when there is none."""
    tag = target_named(target).wheel_tag
    name = f"{_PACKAGE} {version(_PACKAGE)} for {target}"
    if find_spec("pip") is None:
        raise ImageError(
            f"pip is needed to fetch {name}, and this Python has none. Install pip, or download "
            f"the wheel ({tag}) and take it in with 'llamapack runtime add FILE.whl'."
        )
    report(f"Fetching {name} with pip")
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="llamapack-fetch-") as folder:
        run(
            f"Fetching {name}",
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--disable-pip-version-check", "--only-binary", ":all:", "--platform", tag),
                *("--dest", folder, f"{_PACKAGE}=={version(_PACKAGE)}"),
            ],
        )
        wheel = next(Path(folder).glob("*.whl"))
        if wheel.stem.endswith("-any"):  # what pip falls back to
            raise ImageError(
                f"There is no wheel of {name} ({tag}) where pip looks for packages. Make the image "
                "on such a computer and take it in with 'llamapack runtime add FILE'."
            )
        image = add_wheel(wheel, target)
    report(f"Fetched the runtime image {target} {image.key} in {watch.seconds:.0f} s")
    return image


def add_wheel(wheel: Path, target: str | None = None) -> RuntimeImage:
    """The image in a wheel of llamapack, which must be for `target` if one is named."""
    with tempfile.TemporaryDirectory(prefix="llamapack-wheel-") as folder:
        path = Path(folder) / "runtime.image"
        _extract(wheel, path)
        try:
            return add_image(path, target)
        except ImageFileError as error:
            raise ImageFileError(f"In {wheel.name}: {error}") from error


def _extract(wheel: Path, path: Path) -> None:
    """The image file. ImageFileError when the wheel holds none, or several."""
    try:
        with zipfile.ZipFile(wheel) as file:
            inside = [item for item in file.infolist() if _is_image(item.filename)]
            if len(inside) != 1 or inside[0].file_size > MAX_FILE_BYTES:
                raise ImageFileError(
                    f"{wheel.name} holds no runtime image: it is a wheel for every platform. The "
                    "ones with an image have a platform in their names."
                )
            with file.open(inside[0]) as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy, _CHUNK_BYTES)
    except (OSError, zipfile.BadZipFile) as error:
        raise ImageFileError(f"{wheel.name} cannot be read as a wheel ({error}).") from error


def _is_image(name: str) -> bool:
    return name.startswith(WHEEL_FOLDER + "/") and name.endswith(".image")
