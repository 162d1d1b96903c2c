"""The pack format: records against Python's own ZIP reader, names that are safe."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest

from llamapack_runtime.pack.format import (
    TAIL_BYTES,
    Entry,
    central_header,
    is_safe_name,
    local_header,
    local_header_bytes,
    tail,
)


def test_records_are_what_zipfile_reads() -> None:
    data = b"some bytes"
    entry = Entry("model/naïve.gguf", len(data), zlib.crc32(data), "ab" * 32, 100)
    body = bytes(100) + local_header(entry) + data
    directory = central_header(entry)
    whole = body + directory + tail(directory, len(body), 1)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        (info,) = archive.infolist()
        assert archive.read(info) == data
    assert (info.filename, info.header_offset, info.file_size) == (entry.name, 100, len(data))
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert whole[entry.data_offset :].startswith(data)


def test_an_entry_beyond_four_gigabytes_keeps_its_size_and_place() -> None:
    entry = Entry("m", 9 << 40, 1, "00" * 32, 7 << 40)
    directory = central_header(entry)
    ends = directory + tail(directory, 0, 1)
    with zipfile.ZipFile(io.BytesIO(ends)) as archive:
        (info,) = archive.infolist()
    assert (info.file_size, info.header_offset) == (9 << 40, 7 << 40)


def test_lengths_are_as_declared() -> None:
    entry = Entry("model/é", 1, 2, "cd" * 32, 3)
    assert len(local_header(entry)) == local_header_bytes("model/é")
    assert len(tail(b"", 0, 0)) == TAIL_BYTES


@pytest.mark.parametrize("name", ["manifest.json", "model/a b.gguf", "a/b/c", "ä/ö", ".hidden/x"])
def test_a_plain_name_is_safe(name: str) -> None:
    assert is_safe_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/a", "a/", "..", "../a", "a/../b", "a//b", ".", "a/.", "...", "a/ /b"),
        *("C:a", "a\\b", "a|b", "a\nb", "a\0b", "\x1b[2J", "\N{RIGHT-TO-LEFT OVERRIDE}a"),
        "x" * 1025,
    ],
)
def test_a_name_that_could_leave_its_folder_is_not(name: str) -> None:
    assert not is_safe_name(name)
