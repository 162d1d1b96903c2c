"""How chats leave and come back: JSON that can be read back (see `exported.py`), and Markdown to
read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from llamapack_runtime.store.attachments import attach, keep_sources, number_of_file
from llamapack_runtime.store.exported import (
    VERSION,
    AttachedFile,
    ChatHead,
    CitedSource,
    FileChat,
    FileMessage,
)
from llamapack_runtime.store.files import NewFile, insert
from llamapack_runtime.store.passages import text_of
from llamapack_runtime.store.pictures import data_of, url_of
from llamapack_runtime.store.rows import json_of, messages_of_chat, new_id, select_chat, storable
from llamapack_runtime.store.schema import PLACE_BITS
from llamapack_runtime.store.search import await_indexing
from llamapack_runtime.store.titles import clean
from llamapack_runtime.store.types import (
    ChatTree,
    FileInfo,
    Imported,
    Role,
    Source,
    Status,
    StoredMessage,
)

_SPEAKERS: dict[Role, str] = {"user": "You", "assistant": "Assistant"}
_INSERT_CHAT = """
INSERT INTO chats (id, title, is_titled, is_pinned, created_ms, updated_ms)
VALUES (?, ?, ?, ?, ?, ?)
"""
INSERT_MESSAGE = """
INSERT INTO messages
    (number, chat, id, parent, role, status, created_ms, error, figures, content, reasoning)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def json_pieces(connection: sqlite3.Connection, numbers: Iterable[int]) -> Iterator[bytes]:
    """The chats of these numbers."""
    yield b'{"format":"llamapack-chats","version":%d,"chats":[' % VERSION
    for index, number in enumerate(numbers):
        chat = select_chat(connection, number)
        head = ChatHead(
            chat.title, chat.created_ms, chat.updated_ms, chat.is_titled, chat.is_pinned, chat.head
        )
        yield (b",\n" if index else b"\n") + msgspec.json.encode(head)[:-1] + b',"messages":['
        told: set[str] = set()
        for place, message in enumerate(messages_of_chat(connection, number)):
            line = _for_file(message, _attached(connection, message.files, told))
            yield (b",\n" if place else b"\n") + msgspec.json.encode(line)
        yield b"]}"
    yield b"\n]}\n"


def markdown_pieces(connection: sqlite3.Connection, numbers: Iterable[int]) -> Iterator[bytes]:
    """The branches that are shown, without the thinking, and with the names of files."""
    for index, number in enumerate(numbers):
        messages = tuple(messages_of_chat(connection, number))
        tree = ChatTree(select_chat(connection, number), messages)
        title = f"# {tree.chat.title}\n"
        yield (("\n" if index else "") + title).encode()
        for message in tree.branch():
            parts = (_names_of_files(message), message.content, _names_of_sources(message))
            said = "\n\n".join(part for part in parts if part)
            yield f"\n## {_speaker(message)}\n\n{said}\n".encode()


def insert_chat(connection: sqlite3.Connection, chat: FileChat, now_ms: int) -> Imported:
    """As a new chat, with new ids."""
    updated_ms = min(chat.updated_ms, now_ms)
    times = min(chat.created_ms, updated_ms), updated_ms
    values = (new_id(), storable(clean(chat.title)), chat.is_titled, chat.is_pinned, *times)
    chat_number = connection.execute(_INSERT_CHAT, values).lastrowid
    assert chat_number is not None, "a row was inserted"
    first = (chat_number << PLACE_BITS) + 1
    numbers = {message.id: first + place for place, message in enumerate(chat.messages)}
    rows = [_row(message, numbers, chat_number) for message in chat.messages]
    connection.executemany(INSERT_MESSAGE, rows)
    _insert_files(connection, chat, numbers, now_ms)
    head = numbers.get(chat.head or "", max(numbers.values(), default=None))
    connection.execute("UPDATE chats SET head = ? WHERE number = ?", (head, chat_number))
    for document in (chat_number << PLACE_BITS, *numbers.values()):
        await_indexing(connection, document)
    return Imported(1, len(rows))


def _speaker(message: StoredMessage) -> str:
    """With the model's name, where it was one of several."""
    model, role = (message.figures or {}).get("model"), _SPEAKERS[message.role]
    name = clean(model) if isinstance(model, str) else ""
    return f"{role} ({name})" if name else role


def _names_of_files(message: StoredMessage) -> str:
    return f"Files: {', '.join(one.name for one in message.files)}" if message.files else ""


def _names_of_sources(message: StoredMessage) -> str:
    places = [
        f"[{one.n}] {one.name}" + ("" if one.page is None else f", page {one.page}")
        for one in message.sources
    ]
    return f"Sources: {'; '.join(places)}" if places else ""


def _attached(
    connection: sqlite3.Connection, files: Sequence[FileInfo], told: set[str]
) -> list[AttachedFile]:
    """With what is in them, but for those that were `told` already."""
    found = []
    for one in files:
        text = picture = None
        if one.id not in told:
            number = number_of_file(connection, one.id)
            text = text_of(connection, number)
            picture = url_of(one.kind, data_of(connection, number)) if one.is_picture else None
        facts = (one.name, one.kind, one.pages, one.id, one.size_bytes)
        found.append(AttachedFile(*facts, text, picture))
        told.add(one.id)
    return found


def _for_file(message: StoredMessage, files: list[AttachedFile]) -> FileMessage:
    return FileMessage(
        message.id,
        message.role,
        message.content,
        message.created_ms,
        message.parent,
        message.reasoning,
        _ended(message.status),
        message.error,
        None if message.figures is None else dict(message.figures),
        files,
        [CitedSource(one.n, one.file, one.name, one.page, one.text) for one in message.sources],
    )


def _ended(status: Status) -> Status:
    """Nobody goes on writing an answer that was copied."""
    return "interrupted" if status == "answering" else status


def _insert_files(
    connection: sqlite3.Connection, chat: FileChat, numbers: Mapping[str, int], now_ms: int
) -> None:
    """And what was read of them. `numbers` are those of the messages."""
    files: dict[str, str] = {}  # by their id here, that in the store
    for message in chat.messages:
        attached = []
        for one in message.files:
            if one.text is not None:
                files[one.id] = insert(connection, _new(one, one.text), now_ms)
            attached.append(files[one.id])
        if attached:
            attach(connection, numbers[message.id], attached)
        if message.sources:
            sources = [
                Source(one.n, files[one.file], storable(one.name), one.page, storable(one.text))
                for one in message.sources
            ]
            keep_sources(connection, numbers[message.id], sources)


def _new(file: AttachedFile, text: str) -> NewFile:
    size_bytes = (
        len(text.encode("utf-8", "replace")) if file.size_bytes is None else file.size_bytes
    )
    picture = file.picture_data
    if picture is not None:
        size_bytes = len(picture)
    return NewFile(file.name, file.kind, file.pages, text, size_bytes, picture=picture)


def _row(message: FileMessage, numbers: dict[str, int], chat: int) -> tuple[object, ...]:
    return (
        numbers[message.id],
        chat,
        new_id(),
        None if message.parent is None else numbers[message.parent],
        message.role,
        _ended(message.status) if message.role == "assistant" else "done",
        message.created_ms,
        None if message.error is None else storable(message.error),
        json_of(message.figures),
        storable(message.content),
        storable(message.reasoning),
    )
