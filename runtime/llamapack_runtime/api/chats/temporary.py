"""Files for a moment, on their way in. Each is locked as long as its process has it open, so that
the next start can tell those that a kill has left behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from types import TracebackType

from llamapack_runtime.paths import make_private

_SUFFIX = ".part"


class Temporary:
    """Written to, and gone at the end. Blocking; OSError as for any file."""

    def __init__(self, folder: Path) -> None:
        make_private(folder)
        self.path, self._descriptor = _create(folder)
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.size_bytes += len(data)

    def close(self) -> None:
        """On Windows a file that a child still reads stays until the next start."""
        if sys.platform == "win32":
            os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self.path.unlink()
        if sys.platform != "win32":
            os.close(self._descriptor)

    def __enter__(self) -> Temporary:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def clear(folder: Path) -> None:
    """Remove what processes that were killed have left in it."""
    for path in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # somebody has it, or is as quick as we are
            _remove_unless_open(path)


def _create(folder: Path) -> tuple[Path, int]:
    """Of two processes, A makes a file, B clears and removes it before A has locked it: then A
    makes another."""
    while True:
        path = folder / f"{secrets.token_hex(16)}{_SUFFIX}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o600)
        _lock(descriptor)
        if path.exists():
            return path, descriptor
        os.close(descriptor)


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        """An open file cannot be removed there."""

    def _remove_unless_open(path: Path) -> None:
        path.unlink()

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        """Until it is closed, or its process ends."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _remove_unless_open(path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
