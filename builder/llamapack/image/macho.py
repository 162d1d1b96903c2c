"""The oldest macOS that a folder of Mach-O files starts on, from what they say of themselves.

Reads the files: a computer of another kind has no program for it. Source: mach-o/loader.h and
mach-o/fat.h of Apple's SDK.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from llamapack.image.errors import ImageError

_THIN = 0xFEEDFACF  # 64 bits, the lowest byte first
_FAT, _FAT_64 = 0xCAFEBABE, 0xCAFEBABF  # several processors in one file, the highest byte first
_MOST_SLICES = 16  # compiled Java begins with the same number, and has more than that behind it
_HEADER_BYTES = 32
_COMMAND_COUNT_AT = 16
# processor, its kind, offset, size, alignment
_SLICE, _SLICE_64 = struct.Struct(">IIIII"), struct.Struct(">IIQQII")
_COMMAND = struct.Struct("<II")  # kind, length
_BUILD_VERSION, _VERSION_MIN, _CODE_SIGNATURE = 0x32, 0x24, 0x1D
_PROCESSORS = {0x01000007: "x86_64", 0x0100000C: "arm64"}


def is_macho(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(8)
    if len(head) < 8:
        return False
    if struct.unpack_from("<I", head)[0] == _THIN:
        return True
    magic, count = struct.unpack(">II", head)
    return magic in (_FAT, _FAT_64) and 0 < count <= _MOST_SLICES


def macho_files(folder: Path) -> list[Path]:
    """All below `folder`; links are not files."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in paths if is_macho(path)]


def processors(path: Path) -> tuple[str, ...]:
    """Apple's words for those that the file is for."""
    data = path.read_bytes()
    numbers = (struct.unpack_from("<I", data, at + 4)[0] for at in _slices(path, data))
    return tuple(_PROCESSORS.get(number, hex(number)) for number in numbers)


def is_signed(path: Path) -> bool:
    """Whether every part of the file has a signature, which is not checked."""
    data = path.read_bytes()
    kinds = [{kind for kind, _ in _commands(path, data, at)} for at in _slices(path, data)]
    return all(_CODE_SIGNATURE in found for found in kinds)


def oldest_system(path: Path) -> tuple[int, int] | None:
    """Of one file; None where it does not say."""
    data = path.read_bytes()
    versions = [
        struct.unpack_from("<I", data, at + (12 if kind == _BUILD_VERSION else 8))[0]
        for start in _slices(path, data)
        for kind, at in _commands(path, data, start)
        if kind in (_BUILD_VERSION, _VERSION_MIN)
    ]
    return max(((one >> 16, one >> 8 & 0xFF) for one in versions), default=None)


def macos_floor(folder: Path) -> str | None:
    """Over every file below `folder`, such as "11.0"; None when there is none. ImageError."""
    found = (oldest_system(path) for path in macho_files(folder))
    floor = max((one for one in found if one is not None), default=None)
    return None if floor is None else f"{floor[0]}.{floor[1]}"


def _slices(path: Path, data: bytes) -> list[int]:
    """Where the parts for each processor begin."""
    try:
        if struct.unpack_from("<I", data)[0] == _THIN:
            return [0]
        magic, count = struct.unpack_from(">II", data)
        kind = _SLICE_64 if magic == _FAT_64 else _SLICE
        return [kind.unpack_from(data, 8 + kind.size * number)[2] for number in range(count)]
    except struct.error as error:
        raise _damaged(path, error) from error


def _commands(path: Path, data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Kinds and places of the load commands of one part."""
    try:
        (count,) = struct.unpack_from("<I", data, start + _COMMAND_COUNT_AT)
        at = start + _HEADER_BYTES
        for _ in range(count):
            kind, length = _COMMAND.unpack_from(data, at)
            if not _COMMAND.size <= length <= len(data) - at:
                raise struct.error("a command has an impossible length")
            yield kind, at
            at += length
    except struct.error as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ImageError:
    return ImageError(f"{path.name} is a damaged program file ({error}).")
