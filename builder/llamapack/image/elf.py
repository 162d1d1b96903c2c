"""The oldest glibc that a folder of ELF files runs on, from the versions they ask for.

Reads the files themselves, of any processor: a program of this computer may know its own only.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.errors import ImageError

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, the lowest byte first
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")  # name, type, flags, address, offset, size, link, info, …
_SYMBOL = struct.Struct("<IBBHQQ")  # name, info, other, section, value, size
_FILE = struct.Struct("<HHIII")  # Verneed: version, count, file, first, next
_VERSION = struct.Struct("<IHHII")  # Vernaux: hash, flags, index, name, next
_FLAGS_OFFSET = 4
# How ELF files number the processors of our targets.
MACHINES = {"x86_64": 62, "aarch64": 183}

_SYMBOLS, _NEEDED_VERSIONS, _SYMBOL_VERSIONS = 11, 0x6FFFFFFE, 0x6FFFFFFF
_IS_WEAK = 2  # VER_FLG_WEAK: the loader goes on where the version is missing
_WEAK_SYMBOL = 2  # STB_WEAK
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
# Versions that are named after a feature, and the first glibc that has it.
_FEATURES = {"GLIBC_ABI_DT_RELR": (2, 36)}


@dataclass(frozen=True, slots=True)
class NeededVersion:
    """`index` is what the symbols of this version carry; `offset` is that of its entry."""

    name: str
    index: int
    is_weak: bool
    offset: int

    @property
    def glibc(self) -> tuple[int, int] | None:
        numbers = _GLIBC.fullmatch(self.name)
        return (int(numbers[1]), int(numbers[2])) if numbers else _FEATURES.get(self.name)


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def machine_of(path: Path) -> int:
    """The processor's number, as in MACHINES."""
    with path.open("rb") as file:
        return int(_HEADER.unpack(file.read(_HEADER.size))[2])


def needed_glibc(path: Path) -> tuple[int, int] | None:
    """The newest glibc that the file cannot do without; None when it needs none."""
    versions = _needed_versions(path, path.read_bytes())
    return max((one.glibc for one in versions if one.glibc and not one.is_weak), default=None)


def glibc_floor(folder: Path) -> str | None:
    """The floor over every ELF file below `folder`, such as "2.28"; None when there is none."""
    versions = [needed_glibc(path) for path in elf_files(folder)]
    floor = max((version for version in versions if version), default=None)
    return f"{floor[0]}.{floor[1]}" if floor else None


def spare_weak_versions(folder: Path) -> None:
    """Let every ELF file below `folder` start where a version is missing that it can do without.

    A program that asks for a function weakly looks whether it is there, and some linkers demand
    the function's version all the same; others mark it as weak, which is done here.
    """
    for path in elf_files(folder):
        data = bytearray(path.read_bytes())
        strong = _strong_indices(path, data)
        unused = [one for one in _needed_versions(path, data) if one.index not in strong]
        for version in unused:
            if not version.is_weak:
                struct.pack_into("<H", data, version.offset + _FLAGS_OFFSET, _IS_WEAK)
        if unused:
            path.write_bytes(data)


def elf_files(folder: Path) -> Iterator[Path]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return (path for path in paths if is_elf(path))


@dataclass(frozen=True, slots=True)
class _Section:
    offset: int
    size: int
    link: int
    info: int


def _sections(path: Path, data: bytes | bytearray) -> tuple[list[_Section], dict[int, _Section]]:
    """All of them, and those that are the only ones of their type by it. ImageError."""
    try:
        header = _HEADER.unpack_from(data)
        start, size, count = header[6], header[11], header[12]
        fields = [_SECTION.unpack_from(data, start + size * number) for number in range(count)]
    except struct.error as error:
        raise ImageError(f"{path.name} is a damaged program file ({error}).") from error
    sections = [_Section(row[4], row[5], row[6], row[7]) for row in fields]
    return sections, {row[1]: section for row, section in zip(fields, sections, strict=True)}


def _needed_versions(path: Path, data: bytes | bytearray) -> list[NeededVersion]:
    sections, by_type = _sections(path, data)
    found: list[NeededVersion] = []
    if _NEEDED_VERSIONS not in by_type:
        return found
    needed = by_type[_NEEDED_VERSIONS]
    names = sections[needed.link].offset
    of_file = needed.offset
    for _ in range(needed.info):
        _, count, _, first, following = _FILE.unpack_from(data, of_file)
        at = of_file + first
        for _ in range(count):
            _, flags, index, name, after = _VERSION.unpack_from(data, at)
            end = data.index(b"\0", names + name)
            text = bytes(data[names + name : end]).decode("ascii")
            found.append(NeededVersion(text, index, bool(flags & _IS_WEAK), at))
            at += after
        of_file += following
    return found


def _strong_indices(path: Path, data: bytes | bytearray) -> set[int]:
    """The versions of the symbols that must be found, or that are the file's own."""
    _, by_type = _sections(path, data)
    if _SYMBOLS not in by_type or _SYMBOL_VERSIONS not in by_type:
        return set()
    symbols, versions = by_type[_SYMBOLS], by_type[_SYMBOL_VERSIONS]
    strong = set()
    for number in range(symbols.size // _SYMBOL.size):
        _, info, _, _, _, _ = _SYMBOL.unpack_from(data, symbols.offset + number * _SYMBOL.size)
        if info >> 4 != _WEAK_SYMBOL:
            (index,) = struct.unpack_from("<H", data, versions.offset + 2 * number)
            strong.add(index & 0x7FFF)  # the highest bit says that it is hidden
    return strong
