"""What goes with messages: the files of a question, and the passages of them that were read for an
answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from llamapack_runtime.store.errors import NotFound, NotStorable
from llamapack_runtime.store.types import FileInfo, Source

MAX_FILES = 20  # of one message

FILE_COLUMNS = (
    "files.id, name, kind, size_bytes, characters, pages, tokens, files.created_ms AS created_ms"
)
_FILES = f"""
SELECT attachments.message, {FILE_COLUMNS}
FROM attachments JOIN files ON files.number = attachments.file
WHERE attachments.message BETWEEN ? AND ? ORDER BY attachments.message, place
"""  # noqa: S608 - constants of ours
_SOURCES = """
SELECT message, n, file, name, page, text FROM sources
WHERE message BETWEEN ? AND ? ORDER BY message, n
"""
# Their names on lines of their own, for the index of what was said.
NAMES = """
COALESCE(char(10) || (
    SELECT group_concat(name, char(10)) FROM (
        SELECT files.name FROM attachments JOIN files ON files.number = attachments.file
        WHERE attachments.message = messages.number ORDER BY place
    )
), '')
"""

Files = dict[int, tuple[FileInfo, ...]]
Sources = dict[int, tuple[Source, ...]]


def extras(connection: sqlite3.Connection, first: int, last: int) -> tuple[Files, Sources]:
    """Of the messages with numbers from `first` to `last`, by number."""
    files: Files = {}
    for message, *columns in connection.execute(_FILES, (first, last)):
        files[message] = (*files.get(message, ()), FileInfo(*columns))
    sources: Sources = {}
    for message, *columns in connection.execute(_SOURCES, (first, last)):
        sources[message] = (*sources.get(message, ()), Source(*columns))
    return files, sources


def attach(connection: sqlite3.Connection, message: int, files: Sequence[str]) -> None:
    """In this order. NotFound when one is not there, NotStorable when they are too many."""
    numbers = [number_of_file(connection, one) for one in dict.fromkeys(files)]
    if len(numbers) > MAX_FILES:
        raise NotStorable(f"A message has {MAX_FILES} files at most, not {len(numbers)}.")
    rows = [(message, place, number) for place, number in enumerate(numbers)]
    connection.executemany("INSERT INTO attachments VALUES (?, ?, ?)", rows)


def keep_sources(connection: sqlite3.Connection, message: int, sources: Sequence[Source]) -> None:
    """In place of those that it had."""
    connection.execute("DELETE FROM sources WHERE message = ?", (message,))
    rows = [(message, one.n, one.file, one.name, one.page, one.text) for one in sources]
    connection.executemany("INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?)", rows)


def number_of_file(connection: sqlite3.Connection, file_id: str) -> int:
    row = connection.execute("SELECT number FROM files WHERE id = ?", (file_id,)).fetchone()
    if row is None:
        raise NotFound("There is no such file, or no longer. Attach it again.")
    return int(row[0])
