"""Edits in place: the pack has its old or its new end, whenever the edit is interrupted."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from llamapack.packs.editing import editing
from llamapack_runtime.pack import Pack
from llamapack_runtime.pack.format import EDIT_MARK, MANIFEST_NAME

OLD, NEW = "Tiny", "Another name"
N_STEPS = 5  # of writing, each of which is on the disk before the next


class _Killed(BaseException):
    pass


def rename(path: Path, name: str) -> None:
    with editing(path) as (pack, edit):
        kept = [entry for entry in pack.entries if entry.name != MANIFEST_NAME]
        edit(kept, [(MANIFEST_NAME, replace(pack.manifest, name=name).to_json())])


def name_of(path: Path) -> str:
    with Pack.open(path) as pack:
        return pack.manifest.name


@pytest.fixture
def edited(pack: Path, tmp_path: Path) -> bytes:
    """The bytes of the pack under its new name."""
    copy = tmp_path / "edited"
    copy.write_bytes(pack.read_bytes())
    rename(copy, NEW)
    return copy.read_bytes()


def kill_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    done = 0
    sync = os.fsync

    def fsync(file: int) -> None:
        nonlocal done
        sync(file)
        done += 1
        if done == steps:
            raise _Killed

    monkeypatch.setattr(os, "fsync", fsync)


def test_an_edit_writes_little_and_leaves_a_pack_for_every_tool(pack: Path) -> None:
    before = pack.read_bytes()
    rename(pack, NEW)
    assert name_of(pack) == NEW
    assert abs(pack.stat().st_size - len(before)) < 100
    assert EDIT_MARK not in pack.read_bytes()
    with zipfile.ZipFile(pack) as archive:
        assert archive.testzip() is None
    rename(pack, OLD)
    assert pack.read_bytes() == before


@pytest.mark.parametrize("steps", range(1, N_STEPS + 1))
@pytest.mark.parametrize("name", [NEW, "N" * 5000])
def test_a_kill_leaves_the_old_or_the_new(
    pack: Path, monkeypatch: pytest.MonkeyPatch, steps: int, name: str
) -> None:
    with monkeypatch.context() as patched:
        kill_after(patched, steps)
        with pytest.raises(_Killed):
            rename(pack, name)
    assert name_of(pack) == (OLD if steps < 3 else name)
    whole = pack.read_bytes()
    with Pack.open(pack) as opened:
        end = opened.end
    if steps < 3:
        for size in range(end + len(EDIT_MARK), len(whole), 97):
            pack.write_bytes(whole[:size])
            assert name_of(pack) == OLD


@pytest.mark.parametrize("steps", range(1, N_STEPS))
def test_the_next_edit_clears_away_what_was_left(
    pack: Path, edited: bytes, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    with monkeypatch.context() as patched:
        kill_after(patched, steps)
        with pytest.raises(_Killed):
            rename(pack, "A third name, longer than the others")
    rename(pack, NEW)
    assert pack.read_bytes() == edited


def test_other_bytes_behind_a_pack_are_no_edit(pack: Path) -> None:
    whole = pack.read_bytes()
    for more in (b"\0", EDIT_MARK[:5], b"llamapack-edit2\n", b"x" + EDIT_MARK):
        pack.write_bytes(whole + more)
        with pytest.raises(Exception, match="end was cut off"):
            name_of(pack)


def test_an_end_that_only_looks_like_one_does_not_count(pack: Path) -> None:
    """The mark stands behind something that is no end."""
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-1] + b"2" + EDIT_MARK + b"more")
    with pytest.raises(Exception, match="format 002"):
        name_of(pack)
