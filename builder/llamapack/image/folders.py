"""Where the packer's machine keeps what is expensive to make. Knows nothing of what that is."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

BUILD_CACHE_VARIABLE = "LLAMAPACK_BUILD_CACHE"


def build_cache() -> Path:
    """The root of the packer's cache: $LLAMAPACK_BUILD_CACHE, else the platform's user cache."""
    chosen = os.environ.get(BUILD_CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return (
            Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "llamapack/build"
        )
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/llamapack/build"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llamapack" / "build"


def fill_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """`folder`, made by `fill(work)` when it is missing.

    `fill` works in a sibling folder that is renamed when it returns, so `folder` is complete
    whenever it exists. Two processes may call this at the same moment: the second waits, looks
    again and finds the work done.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.is_dir():
        return folder
    with locked(folder.with_name(folder.name + ".lock")):
        if folder.is_dir():
            return folder
        for left_over in folder.parent.glob(glob.escape(folder.name) + ".work-*"):
            shutil.rmtree(left_over, ignore_errors=True)  # of one that was killed with the lock
        work = Path(tempfile.mkdtemp(prefix=folder.name + ".work-", dir=folder.parent))
        try:
            fill(work)
            work.chmod(0o755)
            work.rename(folder)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return folder


def fill_in_place(folder: Path, fill: Callable[[Path], None]) -> Path:
    """As `fill_once`, for content that knows its own path and cannot be renamed.

    A mark that is written last says that `folder` is complete; without it the folder is made anew.
    """
    mark = folder / ".complete"
    if mark.is_file():
        return folder
    with locked(folder.with_name(folder.name + ".lock")):
        if not mark.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            fill(folder)
            mark.touch()
    return folder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`; waits for whoever holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        _lock(file.fileno())
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
