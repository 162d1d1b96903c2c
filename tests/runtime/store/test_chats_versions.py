"""A file of chats of an older or newer version of the program."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from llamapack_runtime.store.errors import StoreError, StoreNewer
from llamapack_runtime.store.schema import MIGRATIONS
from runtime.store.chat_files import added, found, opened, talk, titles

# Written by the last program that knew no files.
VERSION_1 = Path(__file__).with_name("chats-of-version-1.sqlite3.gz")


def test_a_file_from_before_there_were_files_goes_on(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(gzip.decompress(VERSION_1.read_bytes()))
    store = opened(path)
    assert store.set_aside is None
    pinned, other = store.list().chats
    assert (pinned.title, pinned.is_pinned) == ("Why is the sky blue?", True)
    assert (other.title, other.is_titled) == ("你好", True)
    asked, answered, _ = store.chat(pinned.id).messages
    assert (answered.content, answered.reasoning) == ("Because of Rayleigh scattering.", "Hm")
    assert (answered.figures, pinned.head) == ({"prompt_tokens": 12}, answered.id)
    assert [one.status for one in store.chat(other.id).messages] == ["done", "interrupted"]
    assert store.settings() == {"taste": {"preset": "creative"}}
    assert titles(store, "rayleigh") == ["Why is the sky blue?"]
    assert titles(store, "编程") == titles(store, "我用") == ["你好"]
    file = added(store, "a.txt", "Ants.")
    store.add_message(pinned.id, "user", "And this?", parent=answered.id, files=[file.id])
    assert store.chat(pinned.id).messages[-1].files == (file,)
    assert [one.text for one in found(store, "ants", file)] == ["Ants."]
    assert (asked.files, asked.sources) == ((), ())
    store.delete(pinned.id)
    store.close()
    again = opened(path)
    assert [chat.title for chat in again.list().chats] == ["你好"]
    assert titles(again, "rayleigh") == []
    again.close()


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    store = opened(path)
    talk(store, "Why?", "Because")
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreNewer, match="newer version"):
        opened(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(path)
    asked, _ = talk(store, "Why?", "Because")
    store.close()
    monkeypatch.setattr(
        "llamapack_runtime.store.chats.MIGRATIONS",
        (*MIGRATIONS, ("DELETE FROM chats", "SELECT * FROM nothing")),
    )
    with pytest.raises(StoreError, match="nothing"):
        opened(path)
    monkeypatch.undo()
    again = opened(path)
    assert len(again.chat(asked.chat).messages) == 2
    again.close()
