"""The passages of files: cut and indexed once, found by words, and kept with a vector each where
there is a model that makes them. `schema.py` says what a passage's number is."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence

from llamapack_runtime.files.passages import cut
from llamapack_runtime.store.schema import PASSAGE_WORDS, PLACE_BITS, emptied
from llamapack_runtime.store.types import StoredPassage
from llamapack_runtime.store.words import indexed

_TO_INDEX = "SELECT number, pages, text FROM files WHERE is_indexed = 0 LIMIT 1"
_PLACES = "SELECT number, first, last FROM passages WHERE file = ? ORDER BY number"
_INSERT = "INSERT INTO passages (number, file, page, first, last) VALUES (?, ?, ?, ?, ?)"
_ADD = "INSERT INTO passage_words (rowid, text) VALUES (?, ?)"
_TAKE_OUT = "INSERT INTO passage_words (passage_words, rowid, text) VALUES ('delete', ?, ?)"
_FIND = """
SELECT rowid, rank FROM passage_words
WHERE passage_words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rank LIMIT ?
"""
_READ = """
SELECT passages.number, files.id, files.number, page, first, last
FROM passages JOIN files ON files.number = passages.file WHERE passages.number = ?
"""
_WITHOUT_VECTORS = """
SELECT passages.number FROM passages
LEFT JOIN vectors ON vectors.passage = passages.number AND maker = ?
WHERE passages.file = ? AND vectors.passage IS NULL ORDER BY passages.number LIMIT ?
"""
_VECTORS = """
SELECT passage, vector FROM vectors JOIN passages ON passages.number = passage
WHERE passages.file = ? AND maker = ?
"""
_SET_VECTOR = """
INSERT INTO vectors SELECT number, ?, ? FROM passages WHERE number = ?
ON CONFLICT (passage) DO UPDATE SET maker = excluded.maker, vector = excluded.vector
"""


def packed(text: str) -> bytes:
    """As a file's text is kept."""
    return zlib.compress(text.encode(), 6)


def unpacked(blob: bytes) -> str:
    return zlib.decompress(blob).decode()


def text_of(connection: sqlite3.Connection, file: int) -> str:
    row = connection.execute("SELECT text FROM files WHERE number = ?", (file,)).fetchone()
    return unpacked(row[0])


def index_one(connection: sqlite3.Connection) -> bool:
    """One file that waits to be indexed; whether there was one."""
    row = connection.execute(_TO_INDEX).fetchone()
    if row is None:
        return False
    file, pages, text = row[0], row[1], unpacked(row[2])
    if not (places := connection.execute(_PLACES, (file,)).fetchall()):
        found = cut(text, has_pages=pages is not None)
        numbered = list(enumerate(found, file << PLACE_BITS))
        rows = ((number, file, one.page, one.start, one.end) for number, one in numbered)
        connection.executemany(_INSERT, rows)
        places = [(number, one.start, one.end) for number, one in numbered]
    connection.executemany(_ADD, _documents(places, text))
    connection.execute("UPDATE files SET is_indexed = 1 WHERE number = ?", (file,))
    return True


def take_out(connection: sqlite3.Connection, file: int) -> None:
    """Before the file is deleted."""
    query = "SELECT is_indexed FROM files WHERE number = ?"
    if connection.execute(query, (file,)).fetchone()[0]:
        places = connection.execute(_PLACES, (file,)).fetchall()
        connection.executemany(_TAKE_OUT, _documents(places, text_of(connection, file)))


def take_all_out(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO passage_words (passage_words) VALUES ('delete-all')")


def rebuild(connection: sqlite3.Connection) -> None:
    """An empty index in place of a damaged one. All files wait to be indexed."""
    for statement in emptied(PASSAGE_WORDS):
        connection.execute(statement)
    connection.execute("UPDATE files SET is_indexed = 0")


def find(connection: sqlite3.Connection, files: Iterable[int], match: str, limit: int) -> list[int]:
    """Numbers of passages, those first that have the rarest of the words the most often (BM25)."""
    hits: list[tuple[float, int]] = []
    for file in files:
        first = file << PLACE_BITS
        last = first + (1 << PLACE_BITS) - 1
        rows = connection.execute(_FIND, (match, first, last, limit))
        hits += [(rank, number) for number, rank in rows]
    return [number for _, number in sorted(hits)[:limit]]


def read(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[StoredPassage]:
    """In this order, without those that are gone."""
    texts: dict[int, str] = {}
    found = []
    for number in numbers:
        row = connection.execute(_READ, (number,)).fetchone()
        if row is not None:
            _, file_id, file, page, first, last = row
            if file not in texts:
                texts[file] = text_of(connection, file)
            found.append(StoredPassage(number, file_id, page, texts[file][first:last]))
    return found


def first_ones(connection: sqlite3.Connection, file: int, limit: int) -> list[int]:
    """The numbers of a file's first passages."""
    query = "SELECT number FROM passages WHERE file = ? ORDER BY number LIMIT ?"
    return [row[0] for row in connection.execute(query, (file, limit))]


def without_vectors(
    connection: sqlite3.Connection, file: int, maker: str, limit: int
) -> list[StoredPassage]:
    rows = connection.execute(_WITHOUT_VECTORS, (maker, file, limit)).fetchall()
    return read(connection, [row[0] for row in rows])


def vectors(connection: sqlite3.Connection, file: int, maker: str) -> dict[int, bytes]:
    return dict(connection.execute(_VECTORS, (file, maker)).fetchall())


def set_vectors(connection: sqlite3.Connection, maker: str, made: Mapping[int, bytes]) -> None:
    """Of passages that are gone, none."""
    rows = ((maker, vector, number) for number, vector in made.items())
    connection.executemany(_SET_VECTOR, rows)


def _documents(places: Iterable[tuple[int, int, int]], text: str) -> Iterable[tuple[int, str]]:
    return ((number, indexed(text[first:last])) for number, first, last in places)
