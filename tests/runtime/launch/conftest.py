"""What the tests of the process share."""

from __future__ import annotations

from pathlib import Path

import pytest

import running_pack
from runtime.launch.processes import Home


@pytest.fixture
def free_port() -> int:
    """Nobody listens on it now."""
    return running_pack.free_port()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
