"""`llamapack update`: a pack gets this version's runtime and keeps its models, presets and id."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack.errors import PackFileError
from llamapack.image_entries import (
    Image,
    engine_text,
    image_sources,
    launcher_source,
    runtime_info,
)
from llamapack.mac.app import NO_LAUNCHER, app_of, check_app, write_app
from llamapack.mac.places import is_signed
from llamapack.packs.opening import open_pack
from llamapack.presets.checking import checked_settings
from llamapack.targets.gpu import GpuParts, parts_of
from llamapack.targets.option import check_name, output_for
from llamapack.targets.table import TARGETS, target_named
from llamapack.text import plain
from llamapack.writing.copying import FileState
from llamapack.writing.packwriter import Describe, write_pack
from llamapack.writing.sidecar import write_in_two
from llamapack.writing.source import Source, Stretch
from llamapack.writing.sums import Sums
from llamapack_runtime.pack import Entry, EntrySum, Manifest, Pack
from llamapack_runtime.pack.format import (
    LICENSE_FOLDER,
    MANIFEST_NAME,
    MODEL_LICENSE_FOLDER,
    SIDECAR_SUFFIX,
    SIGNATURE_NAME,
    STATE_NAME,
    alignment_of,
)

if TYPE_CHECKING:
    from llamapack.reporter import Reporter

SIGNED_ON_MAC = (
    "The app was signed on a Mac as it was, and macOS starts no app that was changed since: sign "
    "it again there."
)
_ENGINE = "llama-cpp-python"


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """`before` and `after` are keys of runtime images; the same: nothing was written."""

    path: Path
    before: str
    after: str
    size_bytes: int
    duration_s: float

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


def update(
    path: Path, output: Path, get_image: Callable[[str, GpuParts], Image], reporter: Reporter
) -> UpdateResult:
    """Write the pack `path` to `output`, which may be the same, with another runtime. Its models
    are copied without being read. `get_image` is told what the pack has for graphics processors.
    Raises LlamapackError; what was there stays as it was."""
    check_name(output, output.name)
    with open_pack(path) as pack:
        if pack.manifest.runtimes:
            raise PackFileError(
                f"{plain(path.name)} is shared by several systems, and 'update' gives one runtime. "
                "Build it anew with 'llamapack build --shared'."
            )
        if path.suffix == SIDECAR_SUFFIX:
            raise PackFileError(
                f"{plain(path.name)} is the second file of a pack in two, or the archive in an "
                "app. Name the program or the app, so that both get the new runtime."
            )
        manifest = pack.manifest
        if manifest.target not in TARGETS:
            raise PackFileError(
                f"{plain(path.name)} is for {plain(manifest.target)}, for which this llamapack has "
                "no runtime. Use the version that made it."
            )
        before = manifest.runtime
        image = get_image(manifest.target, parts_of(before.gpu))
        if image.key == before.key and output == path:
            return UpdateResult(path, before.key, image.key, pack.end, 0.0)
        _check(pack, image)
        started = time.monotonic()
        keeps_state = before.versions.get(_ENGINE) == image.versions.get(_ENGINE)
        _warn(pack, keeps_state, reporter)
        if is_signed(path):
            reporter.warn(SIGNED_ON_MAC)
        sources = list(_sources(pack, image, keeps_state))
        packed_logo = pack.logo()
        logo = None if packed_logo is None else packed_logo.data
        launcher = launcher_source(image, manifest.name, manifest.brand.author, logo)
        total = sum(source.size for source in (launcher, *sources))
        if target_named(manifest.target).is_app and output != path:
            output = output_for(manifest.target, output, is_alone=True)
        app = app_of(output, image, launcher, manifest.name, manifest.brand, logo)
        if app is not None:
            check_app(output)
        advance = reporter.start(f"Updating {plain(path.name)}", total)
        describe = _describe(manifest, image, None if app is None else app.program)
        if app is not None:
            size = write_app(
                app,
                lambda archive: write_pack(archive, NO_LAUNCHER, sources, describe, advance),
                lambda: manifest.pack_id,
            )
        elif pack.path == path:
            size = write_pack(output, launcher, sources, describe, advance)
        else:
            size = write_in_two(
                output,
                launcher,
                lambda beside: write_pack(beside, launcher, sources, describe, advance),
            )
    return UpdateResult(output, before.key, image.key, size, time.monotonic() - started)


def _check(pack: Pack, image: Image) -> None:
    """The new runtime can run what is in the pack."""
    for model in pack.manifest.models:
        if model.architecture not in image.architectures:
            raise PackFileError(
                f"{plain(pack.path.name)} holds {plain(model.name)} of the architecture "
                f"'{plain(model.architecture)[:80]}', which the llama.cpp in this runtime "
                f"({engine_text(image)}) does not know. It stays as it is."
            )
    checked_settings(pack.manifest.settings)


def _warn(pack: Pack, keeps_state: bool, reporter: Reporter) -> None:
    names = {entry.name for entry in pack.entries}
    if SIGNATURE_NAME in names:
        reporter.warn("The signature was for the pack as it was; sign it again.")
    if STATE_NAME in names and not keeps_state:
        reporter.warn(
            "The state of the system prompt was computed by another version of llama.cpp, so it "
            "is left out; the first start computes it again."
        )


def _sources(pack: Pack, image: Image, keeps_state: bool) -> Iterator[Source]:
    """As a build orders them: what the image brings stands where the old one's runtime was."""
    state = FileState.of(pack.path)
    for entry in pack.entries:
        if entry.name == pack.manifest.runtime.entry:
            yield from image_sources(image)
        elif _is_kept(entry.name, keeps_state):
            yield packed_source(pack.path, state, entry)


def _is_kept(name: str, keeps_state: bool) -> bool:
    if name in (MANIFEST_NAME, SIGNATURE_NAME):
        return False
    if name == STATE_NAME:
        return keeps_state
    return name.startswith(MODEL_LICENSE_FOLDER) or not name.startswith(LICENSE_FOLDER)


def packed_source(path: Path, state: FileState, entry: Entry) -> Source:
    """An entry of a pack as it is, with the sums that its directory has."""
    stretch = Stretch(path, state, entry.data_offset, entry.size)
    return Source(entry.name, (stretch,), alignment_of(entry.name), Sums(entry.sha256, entry.crc32))


def _describe(manifest: Manifest, image: Image, program: EntrySum | None) -> Describe:
    """`program`: an app's, which is not in the archive."""

    def describe(launcher: EntrySum, entries: Sequence[EntrySum]) -> bytes:
        runtime = image_sources(image)[0].name
        names = {entry.name for entry in entries}
        return replace(
            manifest,
            llamapack_version=version("llamapack"),
            runtime=runtime_info(image, runtime, program or launcher),
            entries=tuple(entries),
            state=manifest.state if manifest.state in names else None,
        ).to_json()

    return describe
