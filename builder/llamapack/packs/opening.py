"""Opens a pack for the commands that look into one, with the builder's own errors."""

from __future__ import annotations

from pathlib import Path

from llamapack.errors import PackFileError
from llamapack.text import plain
from llamapack.writing.sidecar import archive_path
from llamapack_runtime.pack import Entry, Pack, PackError


def open_pack(path: Path) -> Pack:
    """Of a pack in two files, the second one is opened, and of an app the one in it. Raises
    PackFileError for a file that is no pack, or is damaged, or cannot be read."""
    path = archive_path(path)
    if path.is_dir():
        raise PackFileError(
            f"{plain(str(path))} is a folder that is no pack. Name the file of a pack, or an app "
            "with one in it."
        )
    try:
        return Pack.open(path)
    except PackError as error:
        raise PackFileError(plain(str(error))) from error
    except OSError as error:
        raise PackFileError(f"Cannot read {plain(str(path))}: {error.strerror}.") from error


def is_pack(path: Path) -> bool:
    """Whether it opens as one."""
    try:
        Pack.open(archive_path(path)).close()
    except (PackError, OSError):
        return False
    return True


def find_entry(pack: Pack, name: str) -> Entry:
    """Raises PackFileError that lists what there is."""
    for entry in pack.entries:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in pack.entries)
    raise PackFileError(
        f"{plain(pack.path.name)} has no entry '{plain(name)}'. It has these: {names}."
    )
