"""Puts resources into a Windows program that has none. The same inputs give the same bytes.

Fields by their places, after Microsoft's PE format: the file header behind the signature, the
optional header of the 64-bit kind, then the table of sections.
"""

from __future__ import annotations

import struct

from llamapack.windows.resources import Resource, section_bytes

_SIGNATURE_AT = 0x3C  # where the place of "PE\0\0" stands
_FILE_HEADER = 20
_SECTION_COUNT, _OPTIONAL_SIZE = 2, 16  # in the file header
# In the optional header.
_DATA_BYTES, _SECTION_ALIGNMENT, _FILE_ALIGNMENT, _IMAGE_BYTES = 8, 32, 36, 56
_HEADER_BYTES, _CHECK_SUM, _RESOURCES = 60, 64, 112 + 2 * 8
_PE32_PLUS = 0x20B
_SECTION = struct.Struct("<8sIIIIIIHHI")
_INITIALISED_READABLE = 0x40000040


def with_resources(program: bytes, resources: list[Resource]) -> bytes:
    """`program` with one more section, at its end. It must have room for that in its header, and no
    resources yet, as what we compile has."""
    out = bytearray(program)
    header = _get(out, _SIGNATURE_AT) + 4
    optional = header + _FILE_HEADER
    assert struct.unpack_from("<H", out, optional)[0] == _PE32_PLUS, "a 64-bit program"
    assert _get(out, optional + _RESOURCES) == 0, "a program without resources"
    count, optional_size = (
        struct.unpack_from("<H", out, header + at)[0] for at in (_SECTION_COUNT, _OPTIONAL_SIZE)
    )
    table = optional + optional_size
    entry = table + count * _SECTION.size
    assert entry + _SECTION.size <= _get(out, optional + _HEADER_BYTES), "room for a section"

    in_memory, in_file = (_get(out, optional + at) for at in (_SECTION_ALIGNMENT, _FILE_ALIGNMENT))
    address = _aligned(_memory_end(out, table, count), in_memory)
    data = section_bytes(resources, address)
    out += bytes(-len(out) % in_file)
    offset = len(out)
    out += data + bytes(-len(data) % in_file)
    size = len(out) - offset
    _SECTION.pack_into(
        out, entry, b".rsrc", len(data), address, size, offset, 0, 0, 0, 0, _INITIALISED_READABLE
    )
    struct.pack_into("<H", out, header + _SECTION_COUNT, count + 1)
    struct.pack_into("<II", out, optional + _RESOURCES, address, len(data))
    _put(out, optional + _DATA_BYTES, _get(out, optional + _DATA_BYTES) + size)
    _put(out, optional + _IMAGE_BYTES, _aligned(address + len(data), in_memory))
    _put(out, optional + _CHECK_SUM, 0)  # only drivers need one
    return bytes(out)


def _memory_end(program: bytearray, table: int, count: int) -> int:
    sections = (_SECTION.unpack_from(program, table + i * _SECTION.size) for i in range(count))
    return max(int(address) + int(size) for _, size, address, *_ in sections)


def _aligned(at: int, alignment: int) -> int:
    return (at + alignment - 1) // alignment * alignment


def _get(data: bytearray, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _put(data: bytearray, at: int, value: int) -> None:
    struct.pack_into("<I", data, at, value)
