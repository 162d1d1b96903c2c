"""The launcher under test, which the makefile builds and names; without it these tests skip."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from launcher.starts import Start


@pytest.fixture(scope="session")
def launcher() -> bytes:
    """The launcher's bytes, ready to have an archive put behind them."""
    named = os.environ.get("LLAMAPACK_TEST_LAUNCHER")
    if not named:
        pytest.skip("LLAMAPACK_TEST_LAUNCHER names no launcher; `make test` builds one and sets it")
    if sys.platform != "linux":
        pytest.skip("the launcher runs on Linux")
    return Path(named).read_bytes()


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts programs with a home of their own and a bare environment."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    return Start(home)
