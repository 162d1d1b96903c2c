"""A computer with Windows, that is Wine, and the pack that `make test-windows` made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamapack.image.windows_python import windows_interpreter
from llamapack.targets.table import target_named
from wine_pack import Computer, make_computer


@pytest.fixture(scope="session")
def computer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computer]:
    folder = tmp_path_factory.mktemp("windows")
    interpreter = windows_interpreter(target_named("windows-x86_64"), print)
    made = make_computer(folder, interpreter.command)
    yield made
    made.wine.end()


@pytest.fixture
def nothing_runs(computer: Computer) -> Iterator[None]:
    yield
    computer.wine.end()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """In a folder whose names only Unicode has."""
    folder = tmp_path / "Übung 练习"
    folder.mkdir()
    return shutil.copyfile(os.environ["LLAMAPACK_TEST_WINDOWS_PACK"], folder / "chat.exe")
