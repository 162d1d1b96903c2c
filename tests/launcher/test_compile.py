"""Which launchers can be compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack.errors import TargetError
from llamapack.image.project import launcher_source
from llamapack.targets.table import target_named


def test_an_unknown_target_is_named() -> None:
    with pytest.raises(TargetError, match=r"'amiga'.*linux-x86_64"):
        target_named("amiga")


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
