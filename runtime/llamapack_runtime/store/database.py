"""One SQLite file of this user: opened, migrated, written by one thread at a time while others
read. Says in sentences what went wrong. Knows nothing of what is in it."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from llamapack_runtime.paths import make_private
from llamapack_runtime.store.errors import (
    IndexDamaged,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreNewer,
)

logger = logging.getLogger(__name__)

_BUSY_S = 15.0  # for other processes that write at the same moment
_JOURNAL_BYTES = 4 * 1024 * 1024
# A larger file is checked only after it was found to be damaged: reading it all takes seconds.
_CHECKED_BYTES = 64 * 1024 * 1024
# Deleted things are worth the time to give them back: so many bytes, and one part in so many.
_WASTE_BYTES = 32 * 1024 * 1024
_WASTE_SHARE = 4
_SIDE_FILES = ("-wal", "-shm")  # SQLite's own, beside the file


class Database:
    """From any thread. `noun` is what the file holds, for sentences: "chats". `set_aside` is where
    a damaged file was moved to when this was opened."""

    def __init__(self, path: Path, migrations: Sequence[Sequence[str]], noun: str) -> None:
        """Make the file, or bring it to the newest version. StoreError when that cannot be."""
        self.path = path
        self._noun = noun
        self.set_aside: Path | None = None
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._is_closed = False
        with sentences(path, noun):
            try:
                self._writer = _open_checked(path, migrations, noun)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self.set_aside = put_aside(path)
                logger.warning("%s was damaged and is now %s: %s", path, self.set_aside, error)
                self._writer = _open_checked(path, migrations, noun)
            try:
                self._reader = connect(path, is_reader=True)
            except BaseException:
                self._writer.close()
                raise

    @contextlib.contextmanager
    def write(self, *, is_synced: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that is committed at the end, or taken back when the body raises. It
        outlives this process from then on, and a loss of power if it is `is_synced`."""
        with self._write_lock, sentences(self.path, self._noun):
            self._refuse_when_closed()
            connection = self._writer
            connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have done so itself
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One moment's state of the file; writers go on. Read quickly: other readers wait."""
        with self._read_lock, sentences(self.path, self._noun):
            self._refuse_when_closed()
            with _moment(self._reader):
                yield self._reader

    @contextlib.contextmanager
    def read_at_length(self) -> Iterator[sqlite3.Connection]:
        """As `read`, on a connection of its own: nobody waits."""
        with sentences(self.path, self._noun):
            self._refuse_when_closed()
            connection = connect(self.path, is_reader=True)
            try:
                with _moment(connection):
                    yield connection
            finally:
                connection.close()

    def shrink(self) -> None:
        """Give the space of what was deleted back, and leave no trace of it in the journal."""
        with self._write_lock, sentences(self.path, self._noun):
            self._refuse_when_closed()
            self._writer.execute("VACUUM")
        self.empty_journal()

    def shrink_if_worth_it(self) -> None:
        """Where much was deleted, of this file too; a little is used again. Not when there is no
        room for it, or others are at the file."""
        with self.read() as connection:
            free, pages, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_count", "page_size")
            )
        if free * size >= _WASTE_BYTES and free * _WASTE_SHARE >= pages:
            with contextlib.suppress(StoreFull, StoreBusy):
                self.shrink()

    def empty_journal(self) -> None:
        """What was deleted is in the journal until then. Not while somebody reads at length: then
        it is the next time, or at the end."""
        with self._write_lock, sentences(self.path, self._noun):
            self._refuse_when_closed()
            self._writer.execute("PRAGMA busy_timeout = 0")
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._writer.execute(f"PRAGMA busy_timeout = {int(_BUSY_S * 1000)}")

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._is_closed = True
            for connection in (self._reader, self._writer):
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    def _refuse_when_closed(self) -> None:
        if self._is_closed:
            raise StoreError("The program is closing, so nothing more is kept.")


def connect(path: Path, *, is_reader: bool = False) -> sqlite3.Connection:
    """Transactions are the caller's. sqlite3.Error when the file cannot be used."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _use_journal(connection)
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what a user deletes is gone
        connection.execute(f"PRAGMA query_only = {'ON' if is_reader else 'OFF'}")
    except BaseException:
        connection.close()
        raise
    return connection


def make_private_file(path: Path) -> None:
    """Conversations are nobody else's. SQLite gives its other files the rights of this one."""
    make_private(path.parent)
    path.touch(mode=0o600)
    if sys.platform != "win32" and path.is_file() and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def is_damage(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def put_aside(path: Path) -> Path:
    """Under a name that is free, with its journal, so that somebody may still look at it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in _SIDE_FILES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    _mark_of_damage(path).unlink(missing_ok=True)
    return aside


def delete_those_aside(path: Path) -> None:
    """The damaged files of earlier times."""
    for aside in path.parent.glob(f"{path.name}.damaged-*"):
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def sentences(path: Path, noun: str) -> Iterator[None]:
    """Turns what SQLite and the operating system raise into StoreErrors."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error) and not _is_index(error):
            with contextlib.suppress(OSError):
                _mark_of_damage(path).touch()
        raise _explained(path, noun, error) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"{noun.capitalize()} cannot be kept here ({reason}). Let this user write to "
            f"{path.parent}, then start the program again."
        ) from error


def _explained(path: Path, noun: str, error: sqlite3.Error) -> StoreError:
    code, subject = _code(error), noun.capitalize()
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("The disk is full, so this was not kept. Free some space and try again.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"Another program is using the file of {noun}. Try again in a moment.")
    if is_damage(error):
        kind = IndexDamaged if _is_index(error) else StoreDamaged
        return kind(
            f"The file of {noun}, {path}, is damaged. Start the program again: it sets the "
            "file aside and begins a new one."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(
            f"{subject} cannot be kept: {path} cannot be written. Check the rights of the folder."
        )
    return StoreError(f"{subject} cannot be kept or read: {path}: {error}.")


def _is_index(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT_VTAB


def _code(error: sqlite3.Error) -> int:
    """Without the bits that tell the cases of one kind apart."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _open_checked(path: Path, migrations: Sequence[Sequence[str]], noun: str) -> sqlite3.Connection:
    make_private_file(path)
    connection = connect(path)
    try:
        if path.stat().st_size <= _CHECKED_BYTES or _mark_of_damage(path).exists():
            _check(connection)
            _mark_of_damage(path).unlink(missing_ok=True)
        _migrate(connection, path, migrations, noun)
    except BaseException:
        connection.close()
        raise
    return connection


def _mark_of_damage(path: Path) -> Path:
    return path.with_name(f"{path.name}.check")


def _check(connection: sqlite3.Connection) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        error = sqlite3.DatabaseError(problem)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]], noun: str
) -> None:
    """Each step in a transaction of its own; another process may be doing the same."""
    while (version := _version(connection)) != len(migrations):
        if version > len(migrations):
            raise StoreNewer(
                f"{path} was written by a newer version of this program. Use that version to see "
                f"these {noun}."
            )
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:
                for statement in migrations[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _use_journal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait here for another process that does the same, so this does."""
    end_s = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end_s:
                raise
            time.sleep(0.02)
        else:
            return


@contextlib.contextmanager
def _moment(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
