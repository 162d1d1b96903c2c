"""Responses that clients may come back to, in one SQLite file of this user.

Each belongs to an owner, whom the caller names, and nobody else finds it.

Bounded: the oldest go first. What cannot be stored is answered all the same, so nothing here
raises for a full disk, a folder without rights or a damaged file. Knows nothing of HTTP."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from llamapack_runtime.store.database import Database
from llamapack_runtime.store.errors import StoreDamaged, StoreError

logger = logging.getLogger(__name__)

MAX_COUNT = 1000
MAX_BYTES = 64 * 1024 * 1024

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (),  # no file of version 1 has ever left its makers
    (
        """
        CREATE TABLE responses (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            body BLOB NOT NULL,
            input BLOB NOT NULL,
            history BLOB NOT NULL,
            size INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE items (
            id TEXT PRIMARY KEY,
            response TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE
        ) WITHOUT ROWID
        """,
        "CREATE INDEX items_of_responses ON items (response)",
    ),
)
_INSERT = """
INSERT OR REPLACE INTO responses (id, owner, body, input, history, size) VALUES (?, ?, ?, ?, ?, ?)
"""
_INSERT_ITEM = "INSERT OR REPLACE INTO items (id, response) VALUES (?, ?)"
_SELECT = "SELECT id, body, input, history FROM responses WHERE id = ? AND owner = ?"
_SELECT_BY_ITEM = """
SELECT responses.id, body, input, history
FROM responses JOIN items ON items.response = responses.id
WHERE items.id = ? AND owner = ?
"""
# Those that are too many, and those before which the newer ones fill the room.
_TRIM = """
DELETE FROM responses WHERE number <= (
    SELECT COALESCE(MAX(number), 0) FROM (
        SELECT number,
               ROW_NUMBER() OVER (ORDER BY number DESC) AS nth,
               SUM(size) OVER (ORDER BY number DESC) AS filled
        FROM responses
    ) WHERE nth > ? OR filled > ?
)
"""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """JSON, but for the id: the response's `body`, the items of its own `input`, and the `history`,
    which are the items of the conversation before them. `item_ids` are those by which it can be
    found, too; they are not read back."""

    id: str
    body: bytes
    input: bytes
    history: bytes
    item_ids: tuple[str, ...] = field(default=(), compare=False)

    @property
    def size(self) -> int:
        return len(self.id) + len(self.body) + len(self.input) + len(self.history)


class ResponseStore:
    """From any thread. The file is opened when it is first needed."""

    def __init__(
        self, path: Path, *, max_count: int = MAX_COUNT, max_bytes: int = MAX_BYTES
    ) -> None:
        self._path = path
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._database: Database | None = None

    def put(self, response: StoredResponse, owner: str) -> bool:
        """Whether it is stored: not when it is larger than all of them may be."""
        if response.size > self._max_bytes:
            return False

        def insert(connection: sqlite3.Connection) -> bool:
            values = (response.id, owner, response.body, response.input, response.history)
            connection.execute(_INSERT, (*values, response.size))
            items = [(item_id, response.id) for item_id in response.item_ids]
            connection.executemany(_INSERT_ITEM, items)
            connection.execute(_TRIM, (self._max_count, self._max_bytes))
            return True

        return self._run(insert, otherwise=False)

    def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return self._select(_SELECT, response_id, owner)

    def get_by_item(self, item_id: str, owner: str) -> StoredResponse | None:
        """The response that has the item in its `item_ids`."""
        return self._select(_SELECT_BY_ITEM, item_id, owner)

    def delete(self, response_id: str, owner: str) -> bool:
        """Whether it was there."""

        def delete(connection: sqlite3.Connection) -> bool:
            query = "DELETE FROM responses WHERE id = ? AND owner = ?"
            return connection.execute(query, (response_id, owner)).rowcount > 0

        return self._run(delete, otherwise=False)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _select(self, query: str, name: str, owner: str) -> StoredResponse | None:
        def select(connection: sqlite3.Connection) -> StoredResponse | None:
            row = connection.execute(query, (name, owner)).fetchone()
            return None if row is None else StoredResponse(*row)

        return self._run(select, otherwise=None)

    def _run(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """In a transaction; once more on a new file when the old one is found to be damaged."""
        with self._lock:
            try:
                try:
                    return self._try(work)
                except StoreDamaged:
                    self._close()  # opening sets the file aside
                    return self._try(work)
            except StoreError as error:
                logger.warning("%s", error)
                self._close()
                return otherwise

    def _try(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._database is None:
            self._database = Database(self._path, MIGRATIONS, "stored responses")
        with self._database.write(is_synced=False) as connection:
            return work(connection)

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()
