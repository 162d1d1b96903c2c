"""Chats for the tests of the store: a clock that ticks once for each look, and a short talk."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from llamapack_runtime.files.types import FileKind
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.files import NewFile
from llamapack_runtime.store.questions import terms_of
from llamapack_runtime.store.types import FileInfo, StoredMessage, StoredPassage

START_MS = 1_000


def ticking() -> Callable[[], int]:
    times = itertools.count(START_MS)
    return lambda: next(times)


def opened(path: Path) -> ChatStore:
    return ChatStore.open(path, ticking())


def talk(store: ChatStore, question: str, answer: str) -> tuple[StoredMessage, StoredMessage]:
    """A new chat of one question and its answer, as they are kept."""
    chat = store.create().id
    asked = store.add_message(chat, "user", question, parent=None)
    added = store.add_message(chat, "assistant", "", parent=asked.id, status="answering")
    store.save_answer(added.id, answer, "", "done")
    return asked, message(store, chat, added.id)


def added(store: ChatStore, name: str, text: str, pages: int | None = None) -> FileInfo:
    """A file that was uploaded."""
    kind: FileKind = "text" if pages is None else "pdf"
    return store.files.add(NewFile(name, kind, pages, text, len(text.encode()) + 7))


def found(store: ChatStore, question: str, *files: FileInfo, limit: int = 5) -> list[StoredPassage]:
    """The passages that a question finds, the best first."""
    terms = terms_of(question)
    return store.files.read(store.files.find([one.id for one in files], terms, limit))


def message(store: ChatStore, chat: str, message_id: str) -> StoredMessage:
    return next(one for one in store.chat(chat).messages if one.id == message_id)


def titles(store: ChatStore, query: str) -> list[str]:
    return [match.chat.title for match in store.search(query)]
