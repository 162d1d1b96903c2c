"""Resources in a Windows program: read back with another library, and the same bytes each time."""

from __future__ import annotations

import struct

import pefile
import pytest

from llamapack.windows.about import fits_as_icon, pack_resources
from llamapack.windows.program import with_resources

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 64, 48) + bytes(40)


def small_program() -> bytes:
    """A 64-bit program of one section with one instruction, which ends in the middle of a block."""
    head = bytearray(0x400)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 0x3C, 0x80)
    struct.pack_into("<4sHHIIIHH", head, 0x80, b"PE\0\0", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = 0x98
    struct.pack_into("<H", head, optional, 0x20B)
    struct.pack_into("<III", head, optional + 16, 0x1000, 0x1000, 0)
    struct.pack_into("<II", head, optional + 32, 0x1000, 0x200)
    struct.pack_into("<HHHHHH", head, optional + 40, 6, 0, 0, 0, 6, 0)
    struct.pack_into("<II", head, optional + 56, 0x2000, 0x400)
    struct.pack_into("<I", head, optional + 108, 16)
    section = struct.pack("<8sIIII", b".text", 1, 0x1000, 0x200, 0x400) + bytes(12)
    head[optional + 240 : optional + 280] = section + struct.pack("<I", 0x60000020)
    return bytes(head) + b"\xc3" + bytes(0x1FF)


def resources_of(program: bytes) -> dict[int, list[bytes]]:
    """Data by kind, as pefile finds it."""
    read = pefile.PE(data=program)
    found: dict[int, list[bytes]] = {}
    for kind in read.DIRECTORY_ENTRY_RESOURCE.entries:
        for number in kind.directory.entries:
            place = number.directory.entries[0].data.struct
            found.setdefault(kind.id, []).append(read.get_data(place.OffsetToData, place.Size))
    return found


def texts_of(program: bytes) -> dict[str, str]:
    read = pefile.PE(data=program)
    (table,) = [
        entry.StringTable[0]
        for info in read.FileInfo
        for entry in info
        if entry.Key == b"StringFileInfo"
    ]
    return {key.decode(): value.decode() for key, value in table.entries.items()}


def test_properties_show_the_name_and_the_version() -> None:
    made = with_resources(
        small_program(), pack_resources("Lehrer für Latein 拉丁", "Ana", "1.2.3", None)
    )
    texts = texts_of(made)
    assert texts["FileDescription"] == texts["ProductName"] == "Lehrer für Latein 拉丁"
    assert (texts["FileVersion"], texts["CompanyName"]) == ("1.2.3", "Ana")
    fixed = pefile.PE(data=made).VS_FIXEDFILEINFO[0]
    assert (fixed.FileVersionMS, fixed.FileVersionLS) == (1 << 16 | 2, 3 << 16)


def test_a_small_png_logo_is_the_icon() -> None:
    found = resources_of(with_resources(small_program(), pack_resources("A", None, "1", PNG)))
    assert found[3] == [PNG]
    assert found[14] == [struct.pack("<HHHBBBBHHIH", 0, 1, 1, 64, 48, 0, 0, 1, 32, len(PNG), 1)]


def test_without_one_the_icon_is_ours_in_four_sizes() -> None:
    found = resources_of(with_resources(small_program(), pack_resources("A", None, "1", None)))
    assert len(found[3]) == 4
    assert all(fits_as_icon(image) for image in found[3])


@pytest.mark.parametrize("logo", [b"<svg/>", PNG[:20], PNG.replace(b"\0\0\0\x40", b"\0\0\x02\0")])
def test_what_is_no_small_png_is_no_icon(logo: bytes) -> None:
    assert not fits_as_icon(logo)


def test_the_program_itself_stays() -> None:
    before = small_program()
    made = with_resources(before, pack_resources("A", None, "1", None))
    assert made == with_resources(before, pack_resources("A", None, "1", None))
    assert made[0x400 : len(before)] == before[0x400:]
    read = pefile.PE(data=made)
    assert read.OPTIONAL_HEADER.SizeOfImage % 0x1000 == 0
    assert [section.Name.rstrip(b"\0") for section in read.sections] == [b".text", b".rsrc"]
