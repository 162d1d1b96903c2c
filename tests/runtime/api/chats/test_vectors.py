"""Passages ranked by their vectors, which a fake embedder makes of their bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from fake_embedder import FakePooled, fake_embedder
from fakes import ByteTokenizer
from llamapack_runtime.api.chats.library import Library
from llamapack_runtime.api.chats.vectors import Vectors, can_rank
from llamapack_runtime.api.errors import NotReady
from llamapack_runtime.engine.embed_texts import TextEmbedder
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.types import FileInfo
from runtime.store.chat_files import added, opened

# The fake's vector of a text is (the mean of its tokens, 1, 0, 0): bytes near a question's are
# close to it.
PARTS = ["\x01" * 1100, "\x02" * 1100, "\x05" * 1100]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = opened(tmp_path / "chats.sqlite3")
    yield made
    made.close()


@pytest.fixture
def pooled() -> FakePooled:
    return FakePooled("mean", n_embd=4, n_batch=4096)


@pytest.fixture
def embedder(pooled: FakePooled) -> Iterator[TextEmbedder]:
    made = fake_embedder(max_tokens=2000, pooled=pooled)
    yield made
    made.close()


@pytest.fixture
def file(store: ChatStore) -> FileInfo:
    return added(store, "a.txt", "\n\n".join(PARTS))


def vectors_of(store: ChatStore, embedder: TextEmbedder) -> Vectors:
    return Vectors(store.files, "fake", lambda: nullcontext(embedder))


def test_passages_are_ranked_by_their_vectors(
    store: ChatStore, embedder: TextEmbedder, file: FileInfo
) -> None:
    vectors = vectors_of(store, embedder)
    assert vectors.ranked([file], "\x05" * 1000, 9) == []
    vectors.make(file.id)
    for question, best in (("\x05" * 1000, 2), ("\x01" * 1000, 0)):
        ranked = vectors.ranked([file], question, 9)
        assert store.files.read(ranked)[0].text == PARTS[best]
        assert len(ranked) == 3
    assert len(vectors.ranked([file], "\x05", 1)) == 1


def test_vectors_are_made_once(
    store: ChatStore, embedder: TextEmbedder, pooled: FakePooled, file: FileInfo
) -> None:
    vectors_of(store, embedder).make(file.id)
    n_batches = len(pooled.batches)
    assert n_batches > 0
    vectors_of(store, embedder).make(file.id)
    assert len(pooled.batches) == n_batches


def test_what_fails_is_logged_and_words_are_enough(
    store: ChatStore,
    embedder: TextEmbedder,
    pooled: FakePooled,
    file: FileInfo,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vectors = vectors_of(store, embedder)
    vectors.make(file.id)
    embedder.close()
    text = added(store, "b.txt", "Ants build hills.")
    with caplog.at_level(logging.WARNING):
        vectors.make(text.id)
        assert vectors.ranked([file], "\x05", 9) == []
    assert "found by words" in caplog.text
    library = Library(store.files, ByteTokenizer(), vectors)
    [first, *_] = library.look_up([file, text], "Who builds hills?", "", 300)
    assert first.text == "Ants build hills."
    assert pooled.is_closed


def test_a_file_that_is_deleted_meanwhile_is_no_fault(
    store: ChatStore, embedder: TextEmbedder, file: FileInfo
) -> None:
    vectors = vectors_of(store, embedder)
    store.files.delete(file.id)
    vectors.make(file.id)


def test_after_the_end_nothing_is_made(
    store: ChatStore, embedder: TextEmbedder, pooled: FakePooled, file: FileInfo
) -> None:
    vectors = vectors_of(store, embedder)
    vectors.close()
    vectors.make(file.id)
    assert pooled.batches == []


def test_meaning_and_words_are_put_together(
    store: ChatStore, embedder: TextEmbedder, file: FileInfo
) -> None:
    """The passage that has the word, then the one that is closest."""
    text = added(store, "b.txt", "Ants")
    vectors = vectors_of(store, embedder)
    vectors.make(file.id)
    library = Library(store.files, ByteTokenizer(), vectors)
    found = library.look_up([file, text], "ants \x05\x05\x05\x05", "", 1500)
    assert {one.name for one in found} == {"a.txt", "b.txt"}


@pytest.mark.parametrize(
    ("pooling", "can"),
    [("mean", True), ("cls", True), ("last", True), ("rank", False), ("none", False)],
)
def test_only_models_that_make_one_vector_of_a_text_rank_passages(pooling: str, can: bool) -> None:
    embedder = fake_embedder(pooling)  # type: ignore[arg-type]  # of the words above
    assert can_rank(embedder) == can
    embedder.close()


def test_a_model_that_cannot_be_lent_leaves_the_words(
    store: ChatStore, file: FileInfo, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> NoReturn:
        raise NotReady("Model needs 9.1 GiB but 6.0 GiB is free.", "model_unusable")

    vectors = Vectors(store.files, "fake", refuse)
    with caplog.at_level(logging.WARNING):
        vectors.make(file.id)
    assert "9.1 GiB" in caplog.text
    assert vectors.ranked([file], "a", 9) == []


def test_a_chat_models_own_embeddings_rank_nothing() -> None:
    embedder = fake_embedder()
    embedder.facts = replace(embedder.facts, is_for_search=False)
    assert not can_rank(embedder)
    embedder.close()
