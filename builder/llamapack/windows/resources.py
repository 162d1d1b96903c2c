"""The resources of a Windows program as the bytes of a section. Knows nothing of what they mean.

Directories by type, number and language, then the data. Source: Microsoft's PE format,
"The .rsrc Section".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ICON, GROUP_ICON, VERSION, MANIFEST = 3, 14, 16, 24
_LANGUAGE = 0x409  # English: the language of every name and text that we write

_DIRECTORY = struct.Struct("<IIHHHH")  # flags, time, version, named entries, numbered entries
_ENTRY = struct.Struct("<II")  # number, offset
_DATA = struct.Struct("<IIII")  # address in memory, size, code page, reserved
_IS_DIRECTORY = 0x80000000
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class Resource:
    """`kind` is one of the constants above, `number` its own among those of that kind."""

    kind: int
    number: int
    data: bytes


def section_bytes(resources: list[Resource], address: int) -> bytes:
    """What the section holds that is mapped at `address`, relative to the program's start."""
    ordered = sorted(resources, key=lambda one: (one.kind, one.number))
    kinds = sorted({one.kind for one in ordered})
    of_kind = {kind: [one for one in ordered if one.kind == kind] for kind in kinds}
    # Root, the kinds' directories, the numbers' directories, the data records, the data.
    at = _directory_bytes(len(kinds))
    kind_at = {}
    for kind in kinds:
        kind_at[kind] = at
        at += _directory_bytes(len(of_kind[kind]))
    number_at = [at + index * _directory_bytes(1) for index in range(len(ordered))]
    at += len(ordered) * _directory_bytes(1)
    record_at = [at + index * _DATA.size for index in range(len(ordered))]
    at += len(ordered) * _DATA.size

    out = _directory([(kind, kind_at[kind] | _IS_DIRECTORY) for kind in kinds])
    for kind in kinds:
        first = ordered.index(of_kind[kind][0])
        out += _directory(
            [
                (one.number, number_at[first + index] | _IS_DIRECTORY)
                for index, one in enumerate(of_kind[kind])
            ]
        )
    for record in record_at:
        out += _directory([(_LANGUAGE, record)])
    data = b""
    for one in ordered:
        data += bytes(-(at + len(data)) % _ALIGNMENT)
        out += _DATA.pack(address + at + len(data), len(one.data), 0, 0)
        data += one.data
    assert len(out) == at, "the places were computed from the same sizes"
    return out + data


def _directory_bytes(entries: int) -> int:
    return _DIRECTORY.size + entries * _ENTRY.size


def _directory(entries: list[tuple[int, int]]) -> bytes:
    head = _DIRECTORY.pack(0, 0, 0, 0, 0, len(entries))
    return head + b"".join(_ENTRY.pack(number, offset) for number, offset in entries)
