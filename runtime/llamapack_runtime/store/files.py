"""The files that somebody talks about: their texts are kept and found by their words, pictures as
they are, and all are deleted with the chats that they came with. Blocking, from any thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from llamapack_runtime.files.types import FileKind, PictureKind
from llamapack_runtime.store import passages, pictures
from llamapack_runtime.store.attachments import FILE_COLUMNS, number_of_file
from llamapack_runtime.store.errors import InUse, NotStorable
from llamapack_runtime.store.indexed import Indexed
from llamapack_runtime.store.questions import any_of
from llamapack_runtime.store.rows import new_id, storable
from llamapack_runtime.store.schema import PLACE_BITS
from llamapack_runtime.store.titles import clean
from llamapack_runtime.store.types import FileInfo, StoredPassage

MAX_TEXT_BYTES = 8 * 1024 * 1024  # of one file
ORPHANED_MS = 24 * 3600 * 1000  # a file that no message has taken by then is forgotten

_INSERT = """
INSERT INTO files
    (id, name, kind, size_bytes, characters, pages, tokens, created_ms, is_indexed, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
"""
_SELECT = f"SELECT {FILE_COLUMNS} FROM files WHERE number = ?"  # noqa: S608 - constants of ours
_HAS_MESSAGES = "SELECT 1 FROM attachments WHERE file = ? LIMIT 1"
_ORPHANS = """
SELECT number FROM files WHERE created_ms < ?
AND NOT EXISTS (SELECT 1 FROM attachments WHERE attachments.file = files.number)
"""
_OF_CHAT_ALONE = """
SELECT DISTINCT file FROM attachments AS own
WHERE message BETWEEN :first AND :last AND NOT EXISTS (
    SELECT 1 FROM attachments AS other
    WHERE other.file = own.file AND other.message NOT BETWEEN :first AND :last
)
"""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class NewFile:
    """What is kept of a file; see `FileInfo`. `picture`: the bytes of one, which has no text."""

    name: str
    kind: FileKind | PictureKind
    pages: int | None
    text: str
    size_bytes: int
    tokens: int | None = None
    picture: bytes | None = None


class FileStore:
    """Every method raises StoreError when the file of chats cannot be used, and NotFound for an id
    that is not there (any more)."""

    def __init__(self, indexed: Indexed, clock: Callable[[], int]) -> None:
        self._indexed = indexed
        self._clock = clock

    def add(self, file: NewFile) -> FileInfo:
        """NotStorable when its text has more than 8 MiB, or it is a picture of more than 4."""
        now_ms = self._clock()

        def add(connection: sqlite3.Connection) -> FileInfo:
            return _info(connection, number_of_file(connection, insert(connection, file, now_ms)))

        added = self._indexed.change(add)
        self._indexed.index_files()
        return added

    def info(self, file_id: str) -> FileInfo:
        return self._find(file_id, _info)

    def text(self, file_id: str) -> str:
        """With form feeds between its pages."""
        return self._find(file_id, passages.text_of)

    def picture(self, file_id: str) -> bytes:
        """The file as it came: a PNG or a JPEG. NotFound for any other file, too."""
        return self._find(file_id, pictures.data_of)

    def set_tokens(self, file_id: str, tokens: int) -> FileInfo:
        def set_tokens(connection: sqlite3.Connection) -> FileInfo:
            number = number_of_file(connection, file_id)
            connection.execute("UPDATE files SET tokens = ? WHERE number = ?", (tokens, number))
            return _info(connection, number)

        return self._indexed.change(set_tokens, is_synced=False)

    def delete(self, file_id: str) -> None:
        """InUse when a message has it."""

        def delete(connection: sqlite3.Connection) -> None:
            number = number_of_file(connection, file_id)
            if connection.execute(_HAS_MESSAGES, (number,)).fetchone():
                raise InUse("A message has this file; it is deleted with its chat.")
            delete_all_of(connection, [number])

        self._indexed.change(delete)
        self._indexed.sweep()

    def forget_orphans(self) -> None:
        """Those that were uploaded a day ago, and that no message has."""
        before_ms = self._clock() - ORPHANED_MS

        def forget(connection: sqlite3.Connection) -> int:
            numbers = [row[0] for row in connection.execute(_ORPHANS, (before_ms,))]
            delete_all_of(connection, numbers)
            return len(numbers)

        if self._indexed.change(forget):
            self._indexed.sweep()

    def find(self, file_ids: Iterable[str], terms: Sequence[str], limit: int) -> list[int]:
        """Numbers of passages, the best first. `terms` are made by `questions.terms_of`."""

        def find(connection: sqlite3.Connection) -> list[int]:
            numbers = [number_of_file(connection, one) for one in file_ids]
            return passages.find(connection, numbers, any_of(terms), limit) if terms else []

        return self._indexed.find(find)

    def first_passages(self, file_id: str, limit: int) -> list[int]:
        return self._find(
            file_id, lambda connection, number: passages.first_ones(connection, number, limit)
        )

    def read(self, numbers: Sequence[int]) -> list[StoredPassage]:
        """The passages with these numbers, in this order."""
        return self._indexed.find(lambda connection: passages.read(connection, numbers))

    def without_vectors(self, file_id: str, maker: str, limit: int) -> list[StoredPassage]:
        """Those of its passages that have none from this `maker`."""
        return self._find(
            file_id,
            lambda connection, number: passages.without_vectors(connection, number, maker, limit),
        )

    def vectors(self, file_id: str, maker: str) -> dict[int, bytes]:
        """By the number of the passage."""
        return self._find(
            file_id, lambda connection, number: passages.vectors(connection, number, maker)
        )

    def set_vectors(self, maker: str, made: Mapping[int, bytes]) -> None:
        self._indexed.change(
            lambda connection: passages.set_vectors(connection, maker, made), is_synced=False
        )

    def _find(self, file_id: str, work: Callable[[sqlite3.Connection, int], Result]) -> Result:
        return self._indexed.find(
            lambda connection: work(connection, number_of_file(connection, file_id))
        )


def insert(connection: sqlite3.Connection, file: NewFile, now_ms: int) -> str:
    """The new file's id. It waits to be indexed."""
    text = storable(file.text)
    check_size(text, file.name)
    file_id, name = new_id(), storable(clean(file.name)) or "file"
    values = (file_id, name, file.kind, file.size_bytes, len(text), file.pages, file.tokens)
    number = connection.execute(_INSERT, (*values, now_ms, passages.packed(text))).lastrowid
    if file.picture is not None:
        assert number is not None, "a row was inserted"
        pictures.insert(connection, number, file.name, file.picture)
    return file_id


def check_size(text: str, name: str) -> None:
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_TEXT_BYTES:
        raise NotStorable(
            f"The text of {name!r} has {size / 1024**2:.1f} MiB: {MAX_TEXT_BYTES // 1024**2} MiB"
            " is the most that a file may have."
        )


def of_chat_alone(connection: sqlite3.Connection, chat: int) -> list[int]:
    """Files that no message of another chat has."""
    places = {"first": chat << PLACE_BITS, "last": ((chat + 1) << PLACE_BITS) - 1}
    return [row[0] for row in connection.execute(_OF_CHAT_ALONE, places)]


def delete_all_of(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Files that no message has."""
    for number in numbers:
        passages.take_out(connection, number)
        connection.execute("DELETE FROM files WHERE number = ?", (number,))


def _info(connection: sqlite3.Connection, number: int) -> FileInfo:
    return FileInfo(*connection.execute(_SELECT, (number,)).fetchone())
