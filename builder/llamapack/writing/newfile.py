"""A file that appears complete or not at all. Knows nothing of what is written into it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.text import size_text


@contextlib.contextmanager
def new_file(target: Path, size_bytes: int, mode: int) -> Iterator[FileIO]:
    """Yield the file of `new_path`, unbuffered and open for writing."""
    with new_path(target, size_bytes, mode) as path, path.open("r+b", buffering=0) as file:
        yield file


@contextlib.contextmanager
def new_path(target: Path, size_bytes: int, mode: int) -> Iterator[Path]:
    """Yield an empty file of the same folder that becomes `target` when the block ends well.

    A file that is already there is replaced in one step. Whatever else ends the block leaves
    nothing behind. Raises OutputError; OSError of writing inside the block becomes one as well.
    """
    check_target(target)
    check_free_space(target, size_bytes)
    work = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        work.open("xb").close()
        work.chmod(mode)
        yield work
        with work.open("r+b", buffering=0) as raw:
            os.fsync(raw.fileno())
        work.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise OutputError.from_os_error(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            work.unlink(missing_ok=True)


def check_target(target: Path) -> None:
    """Refuse a place that cannot become a file, before anything is read."""
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file with --output.")
    if not folder.is_dir():
        raise OutputError(f"The folder {folder} does not exist; create it or choose another.")
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise OutputError(f"The folder {folder} is not writable; choose another with --output.")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise OutputError(f"{target} is not a regular file; name another with --output.")


def check_free_space(target: Path, size_bytes: int) -> None:
    free_bytes = shutil.disk_usage(target.parent).free
    if free_bytes < size_bytes:
        raise OutputError(
            f"{target} needs {size_text(size_bytes)}, but its disk has only "
            f"{size_text(free_bytes)} free. Free some space or choose another folder with --output."
        )


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
