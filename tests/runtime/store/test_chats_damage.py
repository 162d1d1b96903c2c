"""A file of chats that is damaged, of a newer version, or cannot be migrated."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llamapack_runtime.store.errors import (
    StoreDamaged,
)
from runtime.store.chat_files import opened, talk


@pytest.mark.parametrize(
    "content", [b"This is no database. " * 100, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_file_is_set_aside_and_told(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store = opened(path)
    assert store.set_aside == path.with_name(f"{path.name}.damaged-1")
    assert store.set_aside.read_bytes() == content
    talk(store, "Why?", "Because")
    store.close()
    again = opened(path)
    assert again.set_aside is None
    assert len(again.list().chats) == 1
    again.close()


def damage_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:-8192] = b"\xff" * (len(data) - 16384)
    path.write_bytes(data)


def test_damage_within_the_file_is_found_at_the_start(path: Path) -> None:
    for number in (1, 2):
        store = opened(path)
        talk(store, "Why?", "Because " * 20_000)
        store.close()
        damage_the_middle(path)
        again = opened(path)
        assert again.set_aside == path.with_name(f"{path.name}.damaged-{number}")
        assert again.list().chats == ()
        again.close()


def test_damage_of_a_large_file_is_found_in_use_and_set_aside_at_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llamapack_runtime.store.database._CHECKED_BYTES", 0)
    store = opened(path)
    asked, _ = talk(store, "Why?", "Because " * 20_000)
    store.close()
    connection = sqlite3.connect(path)
    [[page]] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'")
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    again = opened(path)
    assert again.set_aside is None
    with pytest.raises(StoreDamaged, match="Start the program again"):
        again.chat(asked.chat)
    again.close()
    third = opened(path)
    assert third.set_aside is not None
    third.close()
    fourth = opened(path)
    assert fourth.set_aside is None
    fourth.close()
