"""The full-text index of titles, messages and the names of their files: filled after a text is
kept, in small transactions, and asked. `schema.py` says what a document's number is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from llamapack_runtime.store.attachments import NAMES
from llamapack_runtime.store.rows import CHAT_COLUMNS, CHAT_HEADS, chat_of
from llamapack_runtime.store.schema import MAX_MESSAGES, PLACE_BITS, WORDS, emptied
from llamapack_runtime.store.types import ChatMatch
from llamapack_runtime.store.words import excerpt_of, indexed, match_of

_BATCH = 100  # documents in one transaction
_MERGED_PAGES = 500  # in one step of a sweep; some ten milliseconds
_LOOKED_AT = 200_000  # characters of a message, for its excerpt

_TEXT = f"messages.content || {NAMES}"
_PENDING = f"""
SELECT document, COALESCE({_TEXT}, chats.title)
FROM pending
LEFT JOIN messages ON messages.number = document
LEFT JOIN chats ON chats.number = document >> {PLACE_BITS} AND document & {MAX_MESSAGES} = 0
WHERE messages.status IS NOT 'answering' LIMIT ?
"""  # noqa: S608 - constants of ours
_ADD = "INSERT INTO words (rowid, text) VALUES (?, ?)"
_TAKE_OUT = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"
_DOCUMENTS_OF_CHAT = f"""
SELECT number, {_TEXT} FROM messages WHERE chat = :chat
UNION ALL SELECT number << 20, title FROM chats WHERE number = :chat
"""  # noqa: S608 - constants of ours
_LOOK_AT = f"SELECT substr({_TEXT}, 1, ?) FROM messages WHERE number = ?"  # noqa: S608 - as above
# The index gives its documents by number, and so those of one chat together.
_FIND = f"""
SELECT hits.newest, {CHAT_COLUMNS}
FROM (
    SELECT rowid >> {PLACE_BITS} AS chat, MIN(rowid) AS oldest, MAX(rowid) AS newest
    FROM words WHERE words MATCH ? GROUP BY rowid >> {PLACE_BITS}
) AS hits JOIN chats ON chats.number = hits.chat {CHAT_HEADS}
ORDER BY hits.oldest & {MAX_MESSAGES} = 0 DESC, updated_ms DESC, chats.number DESC
LIMIT ?
"""  # noqa: S608 - constants of ours


def await_indexing(connection: sqlite3.Connection, document: int) -> None:
    connection.execute("INSERT OR IGNORE INTO pending VALUES (?)", (document,))


def index_some(connection: sqlite3.Connection) -> bool:
    """Whether there may be more to do. A message that is being answered waits until it is done."""
    rows = connection.execute(_PENDING, (_BATCH,)).fetchall()
    connection.executemany(_ADD, ((number, indexed(text)) for number, text in rows))
    connection.executemany("DELETE FROM pending WHERE document = ?", ((row[0],) for row in rows))
    return len(rows) == _BATCH


def take_out(connection: sqlite3.Connection, document: int, text: str) -> None:
    """Before the text changes. It is pending from then on."""
    _take_out(connection, [(document, text)])
    await_indexing(connection, document)


def take_chat_out(connection: sqlite3.Connection, chat: int) -> None:
    """Before the chat is deleted."""
    _take_out(connection, connection.execute(_DOCUMENTS_OF_CHAT, {"chat": chat}).fetchall())
    first = chat << PLACE_BITS
    connection.execute(
        "DELETE FROM pending WHERE document BETWEEN ? AND ?", (first, first + MAX_MESSAGES)
    )


def take_all_out(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    connection.execute("DELETE FROM pending")


def rebuild(connection: sqlite3.Connection) -> None:
    """An empty index in place of a damaged one. Everything is pending."""
    for statement in emptied(WORDS):
        connection.execute(statement)
    connection.execute("INSERT OR IGNORE INTO pending SELECT number FROM messages")
    connection.execute("INSERT OR IGNORE INTO pending SELECT number << 20 FROM chats")


def sweep_some(connection: sqlite3.Connection, index: str, *, is_first: bool) -> bool:
    """Words that were taken out stay in the file until the index is merged: one step of that.
    Whether there is more to do. https://sqlite.org/fts5.html#the_merge_command"""
    before = connection.total_changes
    pages = -_MERGED_PAGES if is_first else _MERGED_PAGES
    statement = f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)"  # noqa: S608 - ours
    connection.execute(statement, (pages,))
    return connection.total_changes - before >= 2


def find(connection: sqlite3.Connection, query: str, limit: int) -> list[ChatMatch]:
    """Chats with the words in their title first, then those with them in a message; the newest
    first among each."""
    match = match_of(query)
    if match is None:
        return []
    rows = connection.execute(_FIND, (match, limit)).fetchall()
    return [_match(connection, row, query) for row in rows]


def _match(connection: sqlite3.Connection, row: tuple[object, ...], query: str) -> ChatMatch:
    found = connection.execute(_LOOK_AT, (_LOOKED_AT, row[0])).fetchone()
    chat = chat_of(row[1:])
    return ChatMatch(chat, excerpt_of(chat.title if found is None else found[0], query))


def _take_out(connection: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
    is_pending = "SELECT 1 FROM pending WHERE document = ?"
    there = (row for row in rows if connection.execute(is_pending, (row[0],)).fetchone() is None)
    connection.executemany(_TAKE_OUT, [(number, indexed(text)) for number, text in there])
