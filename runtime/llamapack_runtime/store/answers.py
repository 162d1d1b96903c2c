"""An answer while it is written: what was added since the last time is kept as a piece, so that
saving a long answer costs no more than a short one; at its end they become one text."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from llamapack_runtime.store.errors import NotFound, NotStorable
from llamapack_runtime.store.rows import with_pieces
from llamapack_runtime.store.schema import PLACE_BITS
from llamapack_runtime.store.search import take_out
from llamapack_runtime.store.types import Status

_ADD_PIECE = """
INSERT INTO pieces (message, nth, content, reasoning)
SELECT :message, COALESCE(MAX(nth), 0) + 1, :content, :reasoning
FROM pieces WHERE message = :message
"""
_FINISH = """
UPDATE messages SET content = ?, reasoning = ?, status = ?, error = ?, figures = ? WHERE number = ?
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is on disk of an answer that is being written."""

    number: int
    content: str
    reasoning: str


def begin(connection: sqlite3.Connection, message_id: str) -> Draft:
    """Begin, or go on, to write an answer. What is there of it stays until something replaces it.
    NotFound when it is gone."""
    query = "SELECT number, role, status, content, reasoning FROM messages WHERE id = ?"
    row = connection.execute(query, (message_id,)).fetchone()
    if row is None:
        raise NotFound("There is no such answer, or no longer.")
    number, role, status, content, reasoning = row
    if role != "assistant":
        raise NotStorable("Only an answer can be written on, and this is a user's message.")
    if status != "answering":
        take_out(connection, number, content)
        query = "UPDATE messages SET status = 'answering', error = NULL WHERE number = ?"
        connection.execute(query, (number,))
    return Draft(number, *with_pieces(connection, number, content, reasoning))


def is_answering(connection: sqlite3.Connection, draft: Draft) -> bool:
    """Not when it is gone, or another process took it for interrupted."""
    query = "SELECT status FROM messages WHERE number = ?"
    row = connection.execute(query, (draft.number,)).fetchone()
    return row is not None and row[0] == "answering"


def extend(connection: sqlite3.Connection, draft: Draft, content: str, reasoning: str) -> Draft:
    if content.startswith(draft.content) and reasoning.startswith(draft.reasoning):
        piece = content[len(draft.content) :], reasoning[len(draft.reasoning) :]
        values = {"message": draft.number, "content": piece[0], "reasoning": piece[1]}
        if any(piece):
            connection.execute(_ADD_PIECE, values)
    else:
        connection.execute("DELETE FROM pieces WHERE message = ?", (draft.number,))
        query = "UPDATE messages SET content = ?, reasoning = ? WHERE number = ?"
        connection.execute(query, (content, reasoning, draft.number))
    return Draft(draft.number, content, reasoning)


def finish(
    connection: sqlite3.Connection,
    answer: Draft,
    status: Status,
    error: str | None,
    figures: str | None,
    now_ms: int | None,
) -> None:
    """`now_ms` None: the chat keeps its place in the list."""
    values = (answer.content, answer.reasoning, status, error, figures, answer.number)
    connection.execute(_FINISH, values)
    connection.execute("DELETE FROM pieces WHERE message = ?", (answer.number,))
    if now_ms is not None:
        query = "UPDATE chats SET updated_ms = ? WHERE number = ?"
        connection.execute(query, (now_ms, answer.number >> PLACE_BITS))


def interrupt_all(connection: sqlite3.Connection) -> int:
    """How many answers nobody finished. Their texts so far stay."""
    query = "SELECT number, content, reasoning FROM messages WHERE status = 'answering'"
    rows = connection.execute(query).fetchall()
    for number, content, reasoning in rows:
        texts = with_pieces(connection, number, content, reasoning)
        finish(connection, Draft(number, *texts), "interrupted", None, None, None)
    return len(rows)
