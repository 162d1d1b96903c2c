"""The first start, when the cache is empty: crowded, and killed at any moment."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from running_pack import RunningPack, chat, running, spawn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def trees(home: Path) -> list[Path]:
    folder = home / "cache" / "runtime"
    return [path for path in folder.iterdir() if path.is_dir()] if folder.exists() else []


def test_eight_first_starts_at_once_share_one_extraction(pack: Path, home: Path) -> None:
    started: list[RunningPack] = []
    try:
        started += [spawn(pack, home, arguments=["--ctx-size", "512"]) for _ in range(8)]
        for one in started:
            one.wait_for_page()
        assert len(trees(home)) == 1
        for one in started:
            one.wait_until_ready()
        assert chat(started[-1].url, "Hello")
        assert [one.stop() for one in started] == [0] * 8
    finally:
        for one in started:
            one.kill()


def test_a_kill_at_any_moment_does_no_harm(pack: Path, tmp_path: Path) -> None:
    moments = random.Random(20)
    for attempt in range(12):
        home = tmp_path / f"home{attempt}"
        first = spawn(pack, home)
        threading.Event().wait(moments.uniform(0.0, 1.2))
        first.kill()
        with running(pack, home) as second:
            second.stop()
        complete = trees(home)
        assert len(complete) == 1, complete
