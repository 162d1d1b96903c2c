"""Packs made by hand, wrong ones too: the reader trusts nothing that it has not checked."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from llamapack_runtime.pack import (
    Brand,
    Entry,
    EntrySum,
    Manifest,
    ModelInfo,
    Pack,
    PackError,
    RuntimeInfo,
)
from llamapack_runtime.pack.format import (
    COMMENT_BYTES,
    FORMAT_REVISION,
    MAX_MANIFEST_BYTES,
    central_header,
    local_header,
    local_header_bytes,
    tail,
)
from llamapack_runtime.pack.logo import Logo

FILES = {"model/m.gguf": b"weights" * 20, "runtime/r.tar.zst": b"runtime", "licenses/a": b""}


def manifest(entries: Sequence[Entry]) -> Manifest:
    sums = tuple(EntrySum(entry.name, entry.size, entry.sha256) for entry in entries)
    return Manifest(
        pack_id="id",
        name="Name",
        target="linux-x86_64",
        llamapack_version="0",
        model=ModelInfo("model/m.gguf", "M", "llama", "F32", 1, 1, True, None),
        runtime=RuntimeInfo("runtime/r.tar.zst", "key", None, {}),
        settings={},
        entries=sums,
    )


class Writer:
    """Puts records behind each other; the test may change an entry before its record is made."""

    def __init__(self, prefix: bytes = b"launcher") -> None:
        self.body = prefix
        self.entries: list[Entry] = []

    def add(self, name: str, data: bytes) -> Entry:
        digest = hashlib.sha256(data).hexdigest()
        entry = Entry(name, len(data), zlib.crc32(data), digest, len(self.body))
        self.body += local_header(entry) + data
        self.entries.append(entry)
        return entry

    def finish(self, count: int | None = None) -> bytes:
        directory = b"".join(central_header(entry) for entry in self.entries)
        return self.body + directory + tail(directory, len(self.body), count or len(self.entries))


def pack_bytes() -> bytes:
    writer = Writer()
    for name, data in FILES.items():
        writer.add(name, data)
    writer.add("manifest.json", manifest(writer.entries).to_json())
    return writer.finish()


def opened(tmp_path: Path, data: bytes) -> Pack:
    path = tmp_path / "chat"
    path.write_bytes(data)
    return Pack.open(path)


def test_entries_are_read_where_they_lie(tmp_path: Path) -> None:
    with opened(tmp_path, pack_bytes()) as pack:
        assert {name: pack.read(name, 1000) for name in FILES} == FILES
        file, entry = pack.seek("model/m.gguf")
        assert file.read(entry.size) == FILES["model/m.gguf"]
        with pytest.raises(PackError, match="no entry 'other'"):
            pack.entry("other")
        with pytest.raises(PackError, match="too large"):
            pack.read("model/m.gguf", 10)


def with_logo(data: bytes) -> bytes:
    writer = Writer()
    for name, content in FILES.items():
        writer.add(name, content)
    writer.add("brand/logo.png", data)
    text = replace(manifest(writer.entries), brand=Brand(logo="brand/logo.png")).to_json()
    writer.add("manifest.json", text)
    return writer.finish()


def test_a_logo_is_what_its_bytes_say(tmp_path: Path) -> None:
    with opened(tmp_path, with_logo(b"<svg/>")) as pack:
        assert pack.logo() == Logo("image/svg+xml", b"<svg/>")
    with opened(tmp_path, pack_bytes()) as pack:
        assert pack.logo() is None


@pytest.mark.parametrize(
    ("data", "part"),
    [(b"<html>", "'brand.logo' names 'brand/logo.png', which is no"), (b"x" * 262145, "too large")],
)
def test_a_logo_that_is_none_is_refused(tmp_path: Path, data: bytes, part: str) -> None:
    with opened(tmp_path, with_logo(data)) as pack, pytest.raises(PackError, match=part):
        pack.logo()


def test_an_altered_entry_is_not_handed_out(tmp_path: Path) -> None:
    data = pack_bytes().replace(b"runtime" + b"PK", b"runtimE" + b"PK")
    with opened(tmp_path, data) as pack, pytest.raises(PackError, match="runtime/r"):
        pack.read("runtime/r.tar.zst", 1000)


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    pack = opened(tmp_path, pack_bytes())
    pack.close()
    pack.close()


def sealed(change: str) -> bytes:
    """A pack whose directory is wrong although its seal is right."""
    writer = Writer()
    for name, data in FILES.items():
        writer.add(name, data)
    first = writer.entries[0]
    if change == "climbs out":
        writer.add("../evil", b"x")
    elif change == "twice":
        writer.entries.append(first)
    elif change == "overlaps":
        writer.entries.append(replace(writer.entries[1], header_offset=first.header_offset))
    elif change == "behind the end":
        writer.entries[0] = replace(first, header_offset=(1 << 64) - 1)
    elif change == "too long":
        writer.entries[0] = replace(first, size=1 << 60)
    elif change == "inside the launcher":
        writer.entries[0] = replace(first, header_offset=0)
    listed = writer.entries[:-1] if change == "not listed" else writer.entries
    if change == "listed only":
        listed = [*listed, Entry("more", 1, 0, "00" * 32, 0)]
    text = manifest(listed).to_json()
    if change == "model is elsewhere":
        fields = json.loads(text)
        fields["model"]["entry"] = "model/other.gguf"
        text = json.dumps(fields).encode()
    if change == "logo is elsewhere":
        text = replace(manifest(listed), brand=Brand(logo="brand/logo.png")).to_json()
    if change == "large manifest":
        text = b" " * (MAX_MANIFEST_BYTES + 1)
    if change != "no manifest":
        writer.add("manifest.json", text)
    return writer.finish(count=77 if change == "count" else None)


@pytest.mark.parametrize(
    "change",
    [
        "climbs out",
        "twice",
        "overlaps",
        "behind the end",
        "too long",
        "inside the launcher",
        "not listed",
        "listed only",
        "model is elsewhere",
        "logo is elsewhere",
        "large manifest",
        "no manifest",
        "count",
    ],
)
def test_a_hostile_directory_is_refused(tmp_path: Path, change: str) -> None:
    with pytest.raises(PackError) as caught:
        opened(tmp_path, sealed(change))
    assert str(caught.value).endswith(".")


def test_an_unchanged_hand_made_pack_is_read(tmp_path: Path) -> None:
    opened(tmp_path, sealed("nothing")).close()


def test_a_newer_revision_says_what_to_do(tmp_path: Path) -> None:
    data = pack_bytes()[: -len(FORMAT_REVISION)] + b"002"
    with pytest.raises(PackError, match=r"pack format 002.*Use the llamapack version"):
        opened(tmp_path, data)


@settings(
    max_examples=300, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_damage_raises_anything_else(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(pack_bytes())
    first = len(b"launcher")
    weights = range(first + local_header_bytes("model/m.gguf"), len(whole))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        opened(tmp_path, bytes(whole)).close()
    except PackError:
        return
    assume(bytes(whole) != pack_bytes())
    # What went unnoticed lies where the reader does not look: the launcher or entry data.
    assert len(whole) == len(pack_bytes())
    assert place < first or place in weights


def test_the_tail_is_checked_to_the_last_bit(tmp_path: Path) -> None:
    whole = pack_bytes()
    for place in range(len(whole) - COMMENT_BYTES - 98, len(whole)):
        altered = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        with pytest.raises(PackError):
            opened(tmp_path, altered)
