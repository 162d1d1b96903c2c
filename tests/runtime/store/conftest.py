"""Where a file of chats is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llamapack_runtime.store.chats import ChatStore
from runtime.store.chat_files import opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chats.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[ChatStore]:
    made = opened(path)
    yield made
    made.close()
