"""The file of chats with its full-text indexes: what changes is indexed afterwards, and an index
that is damaged is made anew where somebody meets it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from llamapack_runtime.store import passages, search
from llamapack_runtime.store.database import Database
from llamapack_runtime.store.errors import IndexDamaged
from llamapack_runtime.store.schema import PASSAGE_WORDS, WORDS

Result = TypeVar("Result")


class Indexed:
    """From any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change(
        self, work: Callable[[sqlite3.Connection], Result], *, is_synced: bool = True
    ) -> Result:
        """In a transaction; once more with new indexes when an old one is damaged."""
        try:
            with self._database.write(is_synced=is_synced) as connection:
                return work(connection)
        except IndexDamaged:
            self._rebuild()
            with self._database.write(is_synced=is_synced) as connection:
                return work(connection)

    def find(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Of one moment's state; as `change`."""
        try:
            with self._database.read() as connection:
                return work(connection)
        except IndexDamaged:
            self._rebuild()
            with self._database.read() as connection:
                return work(connection)

    def index(self) -> None:
        """What was said, in small transactions, so that nobody waits long for the file."""
        while self.change(search.index_some, is_synced=False):
            pass

    def index_files(self) -> None:
        """Their passages, one file in a transaction."""
        while self.change(passages.index_one, is_synced=False):
            pass

    def sweep(self) -> None:
        """Leave no trace of what was deleted."""
        for index in (WORDS, PASSAGE_WORDS):
            is_first = True
            while self._sweep_some(index, is_first=is_first):
                is_first = False
        self._database.empty_journal()

    def _sweep_some(self, index: str, *, is_first: bool) -> bool:
        with self._database.write(is_synced=False) as connection:
            return search.sweep_some(connection, index, is_first=is_first)

    def _rebuild(self) -> None:
        with self._database.write() as connection:
            search.rebuild(connection)
            passages.rebuild(connection)
        self.index()
        self.index_files()
