"""The glibc floor is read from what the files ask for, not from where they were built."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from llamapack.image.elf import glibc_floor, is_elf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


def test_the_running_interpreter_has_a_floor(tmp_path: Path) -> None:
    shutil.copy(Path(sys.executable).resolve(), tmp_path / "python")
    floor = glibc_floor(tmp_path)
    assert floor is not None
    major, minor = floor.split(".")
    assert int(major) == 2
    assert int(minor) >= 2


def test_text_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("GLIBC_2.99")
    assert not is_elf(tmp_path / "a.txt")
    assert glibc_floor(tmp_path) is None
