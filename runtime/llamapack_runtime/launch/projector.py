"""The projector of this start: the pack's or that of --mmproj, and how it is loaded."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.errors import ModelFileUnusable, ModelUnusable
from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.pack import ModelInfo, Pack
from llamapack_runtime.pack.projector import check_projector
from llamapack_runtime.paths import Paths, make_private, own_command
from llamapack_runtime.settings import Settings

if TYPE_CHECKING:  # the loader's thread imports them: the page must not wait
    from llamapack_runtime.engine.model import Model
    from llamapack_runtime.engine.vision import Vision

_PIECE = 1 << 20
# Copies of packed projectors that are kept, and how old what a killed process left must be.
_MOST_KEPT = 4
_LEFTOVER_S = 3600.0


@dataclass(frozen=True, slots=True)
class ProjectorSource:
    """`size` bytes of GGUF at `offset` of `path`. `sha256` is that of a packed one."""

    path: Path
    offset: int
    size: int
    sha256: str | None = None

    @property
    def name(self) -> str:
        return "The projector" if self.sha256 else f"The projector {self.path.name}"


def packed_projector(pack: Pack, info: ModelInfo) -> ProjectorSource | None:
    """PackError when it is not in the pack."""
    if info.projector is None:
        return None
    entry = pack.entry(info.projector)
    return ProjectorSource(pack.path, entry.data_offset, entry.size, entry.sha256)


def projector_of(packed: ProjectorSource | None, settings: Settings) -> ProjectorSource | None:
    """The one that was asked for at this start, else the pack's. ModelFileUnusable."""
    if settings.mmproj is None:
        return packed
    path = Path(settings.mmproj)
    try:
        path = path.resolve(strict=True)
        return ProjectorSource(path, 0, path.stat().st_size)
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error


def check(source: ProjectorSource | None, model: GgufHeader) -> None:
    """ModelFileUnusable for one that is no projector for this model."""
    if source is None:
        return
    try:
        with source.path.open("rb") as file:
            header = read_header(file, source.offset, source.size, source.name)
        check_projector(header, model, source.name)
    except GgufError as error:
        raise ModelFileUnusable(str(error)) from error
    except OSError as error:
        raise _unreadable(source.path, error) from error


def open_vision(
    model: Model, source: ProjectorSource, paths: Paths, *, n_threads: int, n_ubatch: int
) -> Vision:
    """Close it before the model. ModelError, LibraryError, ModelUnusable."""
    from llamapack_runtime.engine.vision import Vision  # see TYPE_CHECKING above
    from llamapack_runtime.files.picture import decode

    return Vision.open(
        model,
        _as_file(source, paths.cache / "projectors"),
        partial(decode, program=own_command(), libraries=paths.libraries),
        # One is left to whoever is being answered meanwhile.
        n_threads=max(1, n_threads - 1),
        most_at_once=n_ubatch,
    )


def _as_file(source: ProjectorSource, folder: Path) -> Path:
    """libmtmd reads whole files alone, so a packed projector is copied once."""
    if source.sha256 is None:
        return source.path
    target = folder / f"{source.sha256}.gguf"
    try:
        if target.is_file() and target.stat().st_size == source.size:
            os.utime(target)
            return target
        make_private(folder)
        _copy(source, target)
        _prune(folder)
    except OSError as error:
        raise ModelUnusable(
            f"The part of the model that reads images cannot be copied to {folder}: "
            f"{error.strerror}. It needs {source.size >> 20} MiB there."
        ) from error
    return target


def _copy(source: ProjectorSource, target: Path) -> None:
    """Another process may do the same at the same time: the last one's file stays."""
    descriptor, name = tempfile.mkstemp(".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as copy:
            for piece in _pieces(source):
                copy.write(piece)
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _pieces(source: ProjectorSource) -> Iterator[bytes]:
    with source.path.open("rb") as file:
        file.seek(source.offset)
        left = source.size
        while left and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece


def _prune(folder: Path) -> None:
    """The longest unused go, and what a killed process has left."""
    for part in folder.glob("*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - _LEFTOVER_S:
                part.unlink()
    kept = sorted(folder.glob("*.gguf"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_MOST_KEPT:]:
        with suppress(OSError):
            path.unlink()


def _unreadable(path: Path, error: OSError | RuntimeError) -> ModelFileUnusable:
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return ModelFileUnusable(f"The projector {path} cannot be read: {cause}.")
