"""The tree of a finished image written anew, with fewer files or with more: nothing is frozen."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import zstandard

from llamapack.image.errors import ImageError
from llamapack.image.freeze import LIBRARY_FOLDER
from llamapack.image.store import RuntimeImage

_PLACE = f"_internal/{LIBRARY_FOLDER}"


def rewrite_tree(
    image: RuntimeImage,
    out: Path,
    *,
    leaves_out: Callable[[str], bool] = lambda _: False,
    libraries: Iterable[Path] = (),
) -> int:
    """Write the tree to `out` as ustar, in the order that it had, without the entries whose name
    `leaves_out` is true of and with `libraries` at the end, beside llama.cpp's. How many were left
    out. ImageError when the image is damaged."""
    left_out = 0
    try:
        with (
            image.archive.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as stream,
            tarfile.open(fileobj=stream, mode="r|") as source,
            tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as target,
        ):
            for member in source:
                if leaves_out(member.name):
                    left_out += 1
                    continue
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
            for path in libraries:
                _add(target, path)
    except (OSError, tarfile.TarError, zstandard.ZstdError) as error:
        raise ImageError(
            f"The runtime image {image.key} cannot be read ({error}). "
            "Remove it with 'llamapack runtime remove' and build it again."
        ) from error
    return left_out


def _add(target: tarfile.TarFile, path: Path) -> None:
    info = tarfile.TarInfo(f"{_PLACE}/{path.name}")
    info.size, info.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        target.addfile(info, file)
