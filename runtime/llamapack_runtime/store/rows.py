"""Rows of the file of chats as what the store gives back, and texts as they may be kept."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from llamapack_runtime.store.attachments import extras
from llamapack_runtime.store.errors import NotFound, NotStorable
from llamapack_runtime.store.schema import PLACE_BITS
from llamapack_runtime.store.types import ChatInfo, StoredMessage

MAX_TEXT_BYTES = 4 * 1024 * 1024  # of one message, its thinking included
MAX_JSON_BYTES = 64 * 1024  # of one message's figures, of one setting

CHAT_COLUMNS = (
    "chats.id, title, is_titled, is_pinned, chats.created_ms, updated_ms, heads.id AS head, model"
)
CHAT_HEADS = "LEFT JOIN messages AS heads ON heads.number = chats.head"

_SELECT_CHAT = f"SELECT {CHAT_COLUMNS} FROM chats {CHAT_HEADS} WHERE chats.number = ?"  # noqa: S608 - constants
_MESSAGE = """
SELECT messages.id, chats.id, parents.id, messages.role, messages.content, messages.reasoning,
       messages.status, messages.error, messages.created_ms, messages.figures, messages.number
FROM messages JOIN chats ON chats.number = messages.chat
LEFT JOIN messages AS parents ON parents.number = messages.parent
"""
_SELECT_MESSAGES = f"{_MESSAGE} WHERE messages.number BETWEEN ? AND ? ORDER BY messages.number"
_PIECES = "SELECT content, reasoning FROM pieces WHERE message = ? ORDER BY nth"


def new_id() -> str:
    return secrets.token_hex(8)


def number_of_chat(connection: sqlite3.Connection, chat_id: str) -> int:
    row = connection.execute("SELECT number FROM chats WHERE id = ?", (chat_id,)).fetchone()
    if row is None:
        raise NotFound("There is no such chat, or no longer.")
    return int(row[0])


def number_of_message(connection: sqlite3.Connection, chat: int, message_id: str) -> int:
    """NotFound when it is not one of this chat's."""
    query = "SELECT number FROM messages WHERE id = ? AND chat = ?"
    row = connection.execute(query, (message_id, chat)).fetchone()
    if row is None:
        raise NotFound("There is no such message in this chat, or no longer.")
    return int(row[0])


def chat_of(row: Sequence[Any]) -> ChatInfo:
    """Of CHAT_COLUMNS."""
    chat_id, title, is_titled, is_pinned, *rest = row
    return ChatInfo(chat_id, title, bool(is_titled), bool(is_pinned), *rest)


def select_chat(connection: sqlite3.Connection, number: int) -> ChatInfo:
    return chat_of(connection.execute(_SELECT_CHAT, (number,)).fetchone())


def messages_of_chat(connection: sqlite3.Connection, chat: int) -> Iterator[StoredMessage]:
    """All messages of the chat with this number, oldest first."""
    return _messages(connection, chat << PLACE_BITS, ((chat + 1) << PLACE_BITS) - 1)


def message_of(connection: sqlite3.Connection, number: int) -> StoredMessage:
    return next(_messages(connection, number, number))


def _messages(connection: sqlite3.Connection, first: int, last: int) -> Iterator[StoredMessage]:
    files, sources = extras(connection, first, last)
    for *columns, figures, number in connection.execute(_SELECT_MESSAGES, (first, last)):
        message_id, chat, parent, role, content, reasoning, status, error, created_ms = columns
        if status == "answering":
            content, reasoning = with_pieces(connection, number, content, reasoning)
        yield StoredMessage(
            message_id,
            chat,
            parent,
            role,
            content,
            reasoning,
            status,
            error,
            created_ms,
            None if figures is None else msgspec.json.decode(figures),
            files.get(number, ()),
            sources.get(number, ()),
        )


def with_pieces(
    connection: sqlite3.Connection, number: int, content: str, reasoning: str
) -> tuple[str, str]:
    pieces = connection.execute(_PIECES, (number,)).fetchall()
    return (
        content + "".join(piece[0] for piece in pieces),
        reasoning + "".join(piece[1] for piece in pieces),
    )


def storable(text: str) -> str:
    """What cannot be written as UTF-8, halves of surrogate pairs, becomes a question mark each."""
    return text.encode("utf-8", "replace").decode()


def check_text(content: str, reasoning: str) -> None:
    size = len(content.encode("utf-8", "replace")) + len(reasoning.encode("utf-8", "replace"))
    if size > MAX_TEXT_BYTES:
        raise NotStorable(
            f"A message of {size / 1024**2:.1f} MiB is too long: "
            f"{MAX_TEXT_BYTES // 1024**2} MiB of text is the most that one may have."
        )


def json_of(figures: Mapping[str, object] | None) -> str | None:
    if figures is None:
        return None
    encoded = msgspec.json.encode(figures)
    if len(encoded) > MAX_JSON_BYTES:
        raise NotStorable(f"A message's figures take {len(encoded)} bytes, which is too much.")
    return encoded.decode()
