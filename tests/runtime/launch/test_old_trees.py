"""Unpacked runtimes that nothing uses are removed, and no others."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from llamapack_runtime.launch.old_trees import UNUSED_S, in_use, own_tree, remove_unused

if sys.platform != "win32":
    import fcntl

DAY_S = 24 * 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lock").touch()
    return tmp_path


def add(folder: Path, name: str, unused_s: float = 2 * UNUSED_S) -> Path:
    tree = folder / name
    (tree / "_internal").mkdir(parents=True)
    (tree / "_internal" / "library.so").write_bytes(b"code")
    (tree / ".complete").touch()
    then_s = time.time() - unused_s
    os.utime(tree / ".complete", (then_s, then_s))
    return tree


def test_what_nothing_has_used_for_a_month_goes(folder: Path) -> None:
    old, young = add(folder, "a" * 32), add(folder, "b" * 32, UNUSED_S - DAY_S)
    assert remove_unused(folder) == [old]
    assert sorted(folder.iterdir()) == [young, folder / "lock"]


def test_what_was_started_since_stays(folder: Path) -> None:
    tree = add(folder, "a" * 32)
    with in_use(tree):
        pass
    assert remove_unused(folder) == []
    assert remove_unused(folder, time.time() + UNUSED_S + DAY_S) == [tree]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows itself keeps an open folder's name")
def test_what_runs_stays_however_long(folder: Path) -> None:
    tree = add(folder, "a" * 32)
    with in_use(tree), in_use(tree):
        assert remove_unused(folder, time.time() + 9 * UNUSED_S) == []
    assert (tree / "_internal" / "library.so").is_file()


def test_other_things_are_left_alone(folder: Path) -> None:
    for name in ("A" * 32, "a" * 31, "a" * 32 + ".work", "notes"):
        add(folder, name)
    incomplete = add(folder, "c" * 32)
    (incomplete / ".complete").unlink()
    before = sorted(folder.iterdir())
    assert remove_unused(folder) == []
    assert sorted(folder.iterdir()) == before


if sys.platform != "win32":

    def test_nothing_goes_while_one_is_made(folder: Path) -> None:
        tree = add(folder, "a" * 32)
        with (folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert remove_unused(folder) == []
        assert remove_unused(folder) == [tree]


def test_a_folder_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    assert remove_unused(tmp_path / "gone") == []
    with in_use(tmp_path / "gone"):
        pass


def test_the_program_finds_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = add(folder, "a" * 32)
    monkeypatch.setattr(sys, "executable", str(tree / "llamapack-runtime"))
    assert own_tree() is None, "it is not frozen"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_tree() == tree
    (folder / "lock").unlink()
    assert own_tree() is None
