"""Nobody else reads the file of chats, and nothing that was deleted is left in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runtime.store.chat_files import opened, talk

SECRET = "xylophonist"


@pytest.mark.skipif(sys.platform == "win32", reason="rights are inherited from the folder there")
def test_nobody_else_can_read_it(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.touch(0o644)
    store = opened(path)
    talk(store, "Why?", "Because")
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert len([*path.parent.iterdir()]) == 3
    assert path.parent.stat().st_mode & 0o777 == 0o700
    store.close()


def holding_the_secret(path: Path) -> list[str]:
    files = [file for file in path.parent.iterdir() if SECRET.encode() in file.read_bytes()]
    return sorted(file.name for file in files)


def test_nothing_of_a_deleted_chat_is_left_in_the_files(path: Path) -> None:
    store = opened(path)
    talk(store, "Stay", "Yes")
    asked, answer = talk(store, f"Who is the {SECRET}?", f"The {SECRET} is me")
    store.save_answer(answer.id, f"The {SECRET} is me, I say", f"{SECRET}?", "answering")
    assert holding_the_secret(path)
    store.delete(asked.chat)
    assert holding_the_secret(path) == []
    store.close()


def test_deleting_everything_empties_and_shrinks_the_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(SECRET.encode() * 1000)
    store = opened(path)
    empty_bytes = path.stat().st_size
    for _ in range(5):
        talk(store, SECRET, f"{SECRET} " * 20_000)
    assert holding_the_secret(path)
    store.delete_all()
    assert holding_the_secret(path) == []
    assert path.stat().st_size <= empty_bytes + 200_000
    store.close()
