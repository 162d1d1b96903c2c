"""The pack that `make test` built; LLAMAPACK_TEST_PACK names it, without it these tests skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pack() -> Path:
    named = os.environ.get("LLAMAPACK_TEST_PACK")
    if not named:
        pytest.skip("LLAMAPACK_TEST_PACK names no pack; `make test` builds one and sets it")
    return Path(named).resolve()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
