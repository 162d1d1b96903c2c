"""What the tests of the process share."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runtime.launch.processes import Home


@pytest.fixture
def free_port() -> int:
    """Nobody listens on it now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
