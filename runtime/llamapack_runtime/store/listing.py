"""The list of chats, a page at a time: pinned ones first, then those that changed last."""

from __future__ import annotations

import sqlite3

from llamapack_runtime.store.errors import NotStorable
from llamapack_runtime.store.rows import CHAT_COLUMNS, CHAT_HEADS, chat_of
from llamapack_runtime.store.types import ChatPage

MAX_LIMIT = 200

_PAGE = f"""
SELECT chats.number, {CHAT_COLUMNS} FROM chats {CHAT_HEADS}
WHERE (is_pinned, updated_ms, chats.number) < (?, ?, ?)
ORDER BY is_pinned DESC, updated_ms DESC, chats.number DESC LIMIT ?
"""  # noqa: S608 - constants of ours
_START = (2, 0, 0)  # before all: `is_pinned` is 0 or 1


def page(connection: sqlite3.Connection, limit: int, cursor: str | None) -> ChatPage:
    """A chat that changes between two pages may be in both or in none: the cursor is the place of
    the last chat of the page before. NotStorable when it is none of ours."""
    limit = max(1, min(limit, MAX_LIMIT))
    rows = connection.execute(_PAGE, (*_place(cursor), limit + 1)).fetchall()
    shown = tuple(chat_of(row[1:]) for row in rows[:limit])
    if len(rows) <= limit:
        return ChatPage(shown, None)
    last = shown[-1]
    return ChatPage(shown, f"{int(last.is_pinned)}.{last.updated_ms}.{rows[limit - 1][0]}")


def _place(cursor: str | None) -> tuple[int, ...]:
    if cursor is None:
        return _START
    parts = cursor.split(".")
    if len(parts) != 3 or not all(one.isascii() and one.isdigit() for one in parts):
        raise NotStorable("The cursor is not one that this list has given.")
    return tuple(int(part[:18]) for part in parts)  # what SQLite can hold
