"""Passages are found by the words of a question, and keep a vector each."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import NotFound
from runtime.store.chat_files import added, found, opened

PARTS = [
    "The whale is a mammal and sings.",
    "Ants build hills in the forest.",
    "A café in Ångström street sells cakes.",
    "鲸鱼在大海里唱歌\u3002",
    "蚂蚁在森林里盖房子\u3002",
]


def long(*parts: str) -> str:
    """Each part fills a passage of its own."""
    return "\n\n".join(f"{part} {'filling ' * 110}" for part in parts)


def first_words(store: ChatStore, question: str, *parts: str) -> str:
    file = added(store, "a.txt", long(*parts))
    return found(store, question, file)[0].text.partition(" filling")[0]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which animal sings?", 0),
        ("What about whales?", 0),
        ("Who builds something?", 1),
        ("Is there an angstrom CAFE?", 2),
        ("鲸鱼在哪里？", 3),  # noqa: RUF001 - a Chinese question
        ("森林里有什么", 4),
    ],
)
def test_the_passage_with_the_answer_comes_first(
    store: ChatStore, question: str, expected: int
) -> None:
    assert first_words(store, question, *PARTS) == PARTS[expected]


def test_only_the_named_files_are_looked_at(store: ChatStore) -> None:
    one, other = added(store, "1.txt", "A whale."), added(store, "2.txt", "Two whales, two whales.")
    assert [each.file for each in found(store, "whales", one)] == [one.id]
    both = found(store, "whales", one, other)
    assert [each.file for each in both] == [other.id, one.id]
    assert len(found(store, "whales", one, other, limit=1)) == 1
    with pytest.raises(NotFound):
        store.files.find(["0" * 16], ["whales"], 5)


def test_pages_are_told(store: ChatStore) -> None:
    file = added(store, "a.pdf", "Ants.\f\fA whale.", pages=3)
    assert [(one.page, one.text) for one in found(store, "whale", file)] == [(3, "A whale.")]


def test_what_no_passage_has_finds_nothing(store: ChatStore) -> None:
    file = added(store, "a.txt", "Ants.")
    assert found(store, "elephant", file) == []
    assert store.files.first_passages(file.id, 3) == [store.files.find([file.id], ["ants"], 1)[0]]


def test_a_question_may_be_anything(store: ChatStore) -> None:
    file = added(store, "a.txt", "Ants.")
    for question in (
        '"',
        "AND",
        "NEAR(",
        "\0 ants \0",
        "text:ants*",
        "\ud800 ants",
        "ants " * 9999,
    ):
        found(store, question, file)
    assert found(store, "text: AND ants*", file)


def test_vectors_are_kept_for_each_maker(path: Path) -> None:
    store = opened(path)
    file = added(store, "a.txt", long(*PARTS))
    missing = store.files.without_vectors(file.id, "m1", 2)
    assert [one.text.partition(" filling")[0] for one in missing] == PARTS[:2]
    made = {one.number: bytes([place]) for place, one in enumerate(missing)}
    store.files.set_vectors("m1", {**made, 10**15: b"of no passage"})
    assert store.files.vectors(file.id, "m1") == made
    assert len(store.files.without_vectors(file.id, "m1", 99)) == len(PARTS) - 2
    assert store.files.vectors(file.id, "m2") == {}
    assert len(store.files.without_vectors(file.id, "m2", 99)) == len(PARTS)
    store.files.set_vectors("m2", {missing[0].number: b"new"})
    assert store.files.vectors(file.id, "m1") == {missing[1].number: b"\1"}
    store.close()
    again = opened(path)
    again.files.delete(file.id)
    [count] = again.files._indexed.find(
        lambda connection: connection.execute("SELECT COUNT(*) FROM vectors").fetchone()
    )
    assert count == 0
    again.close()


def test_what_was_not_indexed_before_a_kill_is_at_the_next_start(path: Path) -> None:
    store = opened(path)
    file = added(store, "a.txt", "Ants.")
    with store._database.write() as connection:  # as it is between the two transactions
        connection.execute("INSERT INTO passage_words (passage_words) VALUES ('delete-all')")
        connection.execute("DELETE FROM passages")
        connection.execute("UPDATE files SET is_indexed = 0")
    assert found(store, "ants", file) == []
    store.close()
    again = opened(path)
    assert [one.text for one in found(again, "ants", file)] == ["Ants."]
    again.close()
