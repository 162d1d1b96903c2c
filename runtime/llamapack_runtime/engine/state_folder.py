"""A bounded folder of saved states, which several processes of one user may share.

Two processes, A and B, save at the same moment: each writes a file of its own and renames it, so
a reader finds a whole state or none. Both prune afterwards, the least recently used first; A may
remove what B has listed, and B then finds that it is gone. A process that is killed leaves a
temporary file without a lock, which the next one removes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from llamapack_runtime.engine.state_file import (
    MAX_TOKENS,
    Data,
    StateHead,
    file_bytes,
    is_private,
    open_state,
    parts_of,
    read_data,
    read_head,
    token_bytes,
)
from llamapack_runtime.paths import make_private

MAX_FILES = 4
_PART_BYTES = 4 << 20
_SUFFIX = ".state"
_UNFINISHED = ".tmp"


class InterruptedSaveError(OSError):
    """The save was given up because its caller asked for that."""


class StateFolder:
    """At most `max_bytes` in MAX_FILES files, those with other fingerprints included. The folder
    need not be there. OSError when it is not a private folder of this user. `fingerprint` has
    DIGEST_BYTES."""

    def __init__(self, folder: Path, *, max_bytes: int, fingerprint: bytes) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._fingerprint = fingerprint
        self._check()
        self._sweep()

    def heads(self) -> Iterator[tuple[Path, StateHead]]:
        """The whole files with our fingerprint, the most recently used first. Data is not read."""
        for path, _ in self._files()[:MAX_FILES]:
            with contextlib.suppress(OSError), open_state(path) as file:
                head = read_head(file)
                if head is not None and self._is_usable(head):
                    yield path, head

    def can_hold(self, tokens: tuple[int, ...], data: Data) -> bool:
        """What stands for an image says nothing to another process."""
        size = file_bytes(len(tokens), memoryview(data).nbytes)
        return size <= self._max_bytes and len(tokens) <= MAX_TOKENS and min(tokens, default=0) >= 0

    def load(self, path: Path, tokens: tuple[int, ...]) -> bytearray | None:
        """The data of `tokens`, None when it is damaged, gone, or that of something else."""
        try:
            with open_state(path) as file:
                head = read_head(file)
                if head is None or not self._is_usable(head) or head.tokens != tokens:
                    return None
                return read_data(file, head)
        except OSError:
            return None

    def touch(self, path: Path) -> bool:
        """Note that it was used. False when it is gone."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        except OSError:
            pass  # readable and not ours to change: it only counts as older than it is
        return True

    def save(
        self, tokens: tuple[int, ...], data: Data, should_stop: Callable[[], bool] = lambda: False
    ) -> Path:
        """Write a file, and remove others so that all stay within the bounds. OSError when that
        cannot be done, InterruptedSaveError when `should_stop` said so between two parts."""
        self._check()
        make_private(self._folder)
        head = StateHead.of(self._fingerprint, tokens, data)
        path = self._folder / self._name(tokens)
        self._prune(MAX_FILES - 1, self._max_bytes - head.file_bytes, spare=path)
        self._write(path, parts_of(head, data, _PART_BYTES), should_stop)
        self._prune(MAX_FILES, self._max_bytes)
        return path

    def _name(self, tokens: tuple[int, ...]) -> str:
        key = self._fingerprint + token_bytes(tokens)
        return hashlib.blake2b(key, digest_size=16).hexdigest() + _SUFFIX

    def _is_usable(self, head: StateHead) -> bool:
        return head.fingerprint == self._fingerprint and head.file_bytes <= self._max_bytes

    def _check(self) -> None:
        """That the folder is nobody else's; it may be missing."""
        try:
            status = self._folder.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(status.st_mode) or not is_private(status):
            words = "it is not a folder of this user alone"
            raise PermissionError(errno.EPERM, words, str(self._folder))

    def _files(self) -> list[tuple[Path, int]]:
        """All states with their sizes, the most recently used first."""
        found = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    with contextlib.suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        found.append((status.st_mtime_ns, Path(entry.path), status.st_size))
        return [(path, size) for _, path, size in sorted(found, reverse=True)]

    def _prune(self, max_files: int, max_bytes: int, spare: Path | None = None) -> None:
        """Remove the least recently used until the others fit. `spare` is about to be replaced."""
        n_kept = kept_bytes = 0
        for path, size in self._files():
            if path == spare:
                continue
            if n_kept < max_files and kept_bytes + size <= max_bytes:
                n_kept, kept_bytes = n_kept + 1, kept_bytes + size
            else:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _write(self, path: Path, parts: Iterator[Data], should_stop: Callable[[], bool]) -> None:
        descriptor, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=self._folder)
        beside = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _lock(file.fileno())
                for part in parts:
                    if should_stop():
                        raise InterruptedSaveError(errno.EINTR, "it was given up", name)
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
                if sys.platform != "win32":
                    beside.replace(path)  # still locked, so that nobody takes it for left behind
            if sys.platform == "win32":
                beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise

    def _sweep(self) -> None:
        """Remove the temporary files of processes that are gone. An empty one may be about to be
        locked."""
        for beside in self._folder.glob(f"*{_UNFINISHED}"):
            with contextlib.suppress(OSError), open_state(beside) as file:
                if os.fstat(file.fileno()).st_size:
                    _lock(file.fileno())
                    beside.unlink()


if sys.platform == "win32":

    def _lock(_descriptor: int) -> None:
        """Nothing to do: a file that is open cannot be removed."""

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        """Until the file is closed, or its process ends. BlockingIOError when another has it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
