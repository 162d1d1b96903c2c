"""Folders that are filled once, whoever comes and however they are interrupted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from llamapack.image.folders import build_cache, fill_in_place, fill_once


def test_build_cache_follows_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "here"))
    assert build_cache() == tmp_path / "here"


def test_a_failed_fill_leaves_nothing(tmp_path: Path) -> None:
    def fill(work: Path) -> None:
        (work / "half").touch()
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        fill_once(tmp_path / "folder", fill)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.lock"]


def test_what_a_killed_one_left_goes(tmp_path: Path) -> None:
    for name in ("folder.work-abc", "other.work-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    fill_once(tmp_path / "folder", lambda work: (work / "done").touch())
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"folder", "folder.lock", "other.work-abc"}


def test_many_threads_fill_one_folder_once(tmp_path: Path) -> None:
    calls: list[Path] = []
    start = threading.Barrier(6)

    def fill(work: Path) -> None:
        calls.append(work)
        (work / "done").touch()

    def go() -> None:
        start.wait(10)
        fill_once(tmp_path / "folder", fill)

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(calls) == 1
    assert (tmp_path / "folder" / "done").exists()


def test_an_unmarked_folder_is_filled_anew(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / "left over").touch()
    fill_in_place(folder, lambda work: (work / "new").touch())
    assert sorted(path.name for path in folder.iterdir()) == [".complete", "new"]
