"""Which launchers can be compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack.image.errors import ImageError
from llamapack.image.project import launcher_source
from llamapack.launcher import build_launcher


def test_an_unknown_target_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"'amiga'.*linux-x86_64"):
        build_launcher("amiga", ["zig"], tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_launcher_stays_small(launcher: bytes) -> None:
    assert len(launcher) < 250_000


def test_no_path_of_the_building_computer_is_inside(launcher: bytes) -> None:
    for path in (launcher_source(), Path.home(), Path("llamapack-launcher-")):
        assert str(path).encode() not in launcher


def test_files_stay_short() -> None:
    lengths = {
        path.name: len(path.read_text().splitlines()) for path in launcher_source().iterdir()
    }
    assert max(lengths.values()) <= 400, lengths
