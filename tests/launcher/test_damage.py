"""Truncated, altered and hostile packs: one sentence, exit code 65, nothing left behind."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from launcher.packs import (
    MODEL,
    RUNTIME,
    Packed,
    assemble,
    compress,
    image,
    manifest,
    pack,
    program,
    tar,
)
from launcher.starts import Start
from llamapack_runtime.pack import format as layout

DAMAGED = 65
MANIFEST = layout.MANIFEST_NAME


def left_behind(start: Start) -> list[str]:
    """What lies in the cache's folder for trees, besides the lock."""
    folder = start.home / ".cache" / "llamapack" / "runtime"
    return [path.name for path in folder.glob("*") if path.name != "lock"]


@pytest.fixture(scope="session")
def packed(launcher: bytes) -> Packed:
    return pack(launcher)


def cuts(packed: Packed, launcher: bytes) -> Iterable[int]:
    whole = len(packed.data)
    yield from (whole - 1, whole - layout.COMMENT_BYTES, whole - layout.TAIL_BYTES)
    yield from (packed.directory_offset, packed.entries[MODEL].data_offset + 1, len(launcher))
    yield from (whole - step for step in range(2, layout.TAIL_BYTES + 40, 13))


def test_truncated_packs_are_told_from_whole_ones(
    launcher: bytes, packed: Packed, tmp_path: Path, start: Start
) -> None:
    place = tmp_path / "chat"
    for cut in cuts(packed, launcher):
        Packed(packed.data[:cut]).save(place)
        assert "its end is missing" in start.refuse(place, DAMAGED), cut


def test_appended_bytes_are_noticed(packed: Packed, tmp_path: Path, start: Start) -> None:
    place = Packed(packed.data + b"\0").save(tmp_path / "chat")
    assert "its end is missing" in start.refuse(place, DAMAGED)


EDITED = b"a part of a new manifest" * 9000


@pytest.mark.parametrize("left", [b"", EDITED, bytes(7 << 20)], ids=["none", "some", "most"])
def test_an_interrupted_edit_leaves_the_old_end(
    packed: Packed, tmp_path: Path, start: Start, left: bytes
) -> None:
    place = Packed(packed.data + layout.EDIT_MARK + left).save(tmp_path / "chat")
    assert start.run(place).returncode == 0


@pytest.mark.parametrize("more", [layout.EDIT_MARK[:-1], b"x" + layout.EDIT_MARK, b"other" * 9])
def test_other_bytes_are_no_edit(packed: Packed, tmp_path: Path, start: Start, more: bytes) -> None:
    place = Packed(packed.data + more).save(tmp_path / "chat")
    assert "its end is missing" in start.refuse(place, DAMAGED)


def test_an_edit_does_not_hide_damage(packed: Packed, tmp_path: Path, start: Start) -> None:
    data = bytearray(packed.data + layout.EDIT_MARK)
    data[packed.directory_offset + 20] ^= 1
    place = Packed(data).save(tmp_path / "chat")
    assert "its directory does not match" in start.refuse(place, DAMAGED)


REGIONS: dict[str, Callable[[Packed], tuple[int, int]]] = {
    "header of the model": lambda p: (p.entries[MODEL].header_offset, p.entries[MODEL].data_offset),
    "header of the runtime": lambda p: (
        p.entries[RUNTIME].header_offset,
        p.entries[RUNTIME].data_offset,
    ),
    "runtime": lambda p: (
        p.entries[RUNTIME].data_offset,
        p.entries[RUNTIME].data_offset + p.entries[RUNTIME].size,
    ),
    "manifest": lambda p: (p.entries[MANIFEST].header_offset, p.directory_offset),
    "directory": lambda p: (p.directory_offset, len(p.data) - layout.TAIL_BYTES),
    "end": lambda p: (len(p.data) - layout.TAIL_BYTES, len(p.data)),
}


@pytest.mark.parametrize("region", REGIONS)
def test_an_altered_byte_is_noticed(
    packed: Packed, tmp_path: Path, start: Start, region: str
) -> None:
    first, end = REGIONS[region](packed)
    place = tmp_path / "chat"
    step = max(1, (end - first) // 60)
    for at in (*range(first, end, step), end - 1):
        altered = bytearray(packed.data)
        altered[at] ^= 1 << at % 8
        Packed(altered).save(place)
        start.refuse(place, DAMAGED)
        assert left_behind(start) == [], at


def test_a_damaged_sidecar_is_named(launcher: bytes, tmp_path: Path, start: Start) -> None:
    bare = Packed(bytearray(launcher)).save(tmp_path / "chat")
    sidecar = pack(b"").data
    sidecar[-layout.TAIL_BYTES] ^= 1
    (tmp_path / "chat.llamapack").write_bytes(sidecar)
    assert start.refuse(bare, DAMAGED).startswith("chat.llamapack was damaged")


def test_an_archive_of_another_kind_is_no_pack(
    launcher: bytes, tmp_path: Path, start: Start
) -> None:
    bare = Packed(bytearray(launcher)).save(tmp_path / "chat")
    (tmp_path / "chat.llamapack").write_bytes(b"PK\5\6" + bytes(18) * 40)
    assert "chat.llamapack is not a complete" in start.refuse(bare, DAMAGED)


# -- packs with a right seal, made by somebody who means harm --


def sealed(launcher: bytes, headers: bytes, count: int, before: bytes = b"") -> Packed:
    data = bytearray(launcher + before)
    offset = len(data)
    return Packed(data + headers + layout.tail(headers, offset, count))


@pytest.mark.parametrize(
    ("size", "offset"),
    [
        (1, 2**64 - 1),
        (1, 2**64 - 60),
        (2**64 - 1, 0),
        (2**64 - 100, 100),
        (2**63, 2**63),
        (10**9, 0),
        (1, 0),
    ],
)
def test_an_entry_outside_the_file(
    launcher: bytes, tmp_path: Path, start: Start, size: int, offset: int
) -> None:
    header = layout.central_header(layout.Entry(MANIFEST, size, 0, "00" * 32, offset))
    place = sealed(launcher, header, 1).save(tmp_path / "chat")
    assert "the header of 'manifest.json'" in start.refuse(place, DAMAGED)


def test_every_cut_of_a_sealed_directory(launcher: bytes, tmp_path: Path, start: Start) -> None:
    whole = layout.central_header(layout.Entry("a", 0, 0, "00" * 32, 0))
    for cut in range(0, len(whole), 7):
        place = sealed(launcher, whole[:cut], 1).save(tmp_path / "chat")
        assert "its directory" in start.refuse(place, DAMAGED), cut


@pytest.mark.parametrize("count", [0, 2, 2**32, 2**64 - 1])
def test_a_wrong_count(packed: Packed, tmp_path: Path, start: Start, count: int) -> None:
    headers = bytes(packed.data[packed.directory_offset : -layout.TAIL_BYTES])
    place = sealed(bytes(packed.data[: packed.directory_offset]), headers, count)
    start.refuse(place.save(tmp_path / "chat"), DAMAGED)


@pytest.mark.parametrize("at", [10, 28, 30, 32])  # method, name, extra and comment lengths
def test_wrong_lengths_in_a_sealed_record(
    launcher: bytes, tmp_path: Path, start: Start, at: int
) -> None:
    header = bytearray(layout.central_header(layout.Entry("name", 0, 0, "00" * 32, 0)))
    for value in (1, 0xFFFF):
        struct.pack_into("<H", header, at, value)
        place = sealed(launcher, bytes(header), 1).save(tmp_path / "chat")
        assert "its directory" in start.refuse(place, DAMAGED)


def test_a_directory_beyond_the_limit(launcher: bytes, tmp_path: Path, start: Start) -> None:
    place = sealed(launcher, bytes(layout.MAX_DIRECTORY_BYTES + 1), 0).save(tmp_path / "chat")
    assert "its end record" in start.refuse(place, DAMAGED)


def test_a_manifest_beyond_the_limit(launcher: bytes, tmp_path: Path, start: Start) -> None:
    parts = [(RUNTIME, image()), (MANIFEST, manifest() + b" " * layout.MAX_MANIFEST_BYTES)]
    place = assemble(launcher, parts).save(tmp_path / "chat")
    assert "manifest.json" in start.refuse(place, DAMAGED)


@pytest.mark.parametrize(
    "parts",
    [
        [(RUNTIME, b"x")],
        [(RUNTIME, b"x"), (MANIFEST, manifest()), (MANIFEST, manifest())],
        [(RUNTIME, b"x"), (RUNTIME, b"y"), (MANIFEST, manifest())],
        [(MANIFEST, manifest())],
        [(RUNTIME, b"x"), (MANIFEST, manifest(runtime="runtime/other"))],
        [(RUNTIME, b"x"), (MANIFEST, manifest(runtime='run"time'))],
        [(RUNTIME, b"x"), (MANIFEST, manifest(runtime="r" * 5000))],
        [(RUNTIME, b"x"), (MANIFEST, b"{}")],
        [(RUNTIME, b"x"), (MANIFEST, b"")],
        [(RUNTIME, b"x"), (MANIFEST, b'  "runtime": {\n    "entry": "runtime')],
    ],
    ids=range(10),
)
def test_a_manifest_and_runtime_are_needed_once(
    launcher: bytes, tmp_path: Path, start: Start, parts: list[tuple[str, bytes]]
) -> None:
    place = assemble(launcher, parts).save(tmp_path / "chat")
    assert "was not made properly" in start.refuse(place, DAMAGED)


def broken_checksum() -> bytes:
    whole = bytearray(compress(tar([program()])))
    whole[-1] ^= 1
    return bytes(whole)


@pytest.mark.parametrize(
    "runtime",
    [
        b"",
        b"not zstd",
        compress(b""),
        compress(tar([program()]))[:-1],
        compress(tar([program()])) + b"more",
        compress(tar([program()])) + compress(b"more" * 200),
        compress(tar([program()])) + compress(tar([program()])),
        broken_checksum(),
        compress(tar([program()])[:512]),
        compress(tar([program()])[:700]),
        compress(tar([program()])[:1024]),
        compress(tar([program()])[:1536]),
        compress(tar([])),
    ],
    ids=range(13),
)
def test_a_runtime_with_right_sums_that_is_no_image(
    launcher: bytes, tmp_path: Path, start: Start, runtime: bytes
) -> None:
    place = pack(launcher, runtime).save(tmp_path / "chat")
    assert "its runtime" in start.refuse(place, DAMAGED)
    assert left_behind(start) == []
