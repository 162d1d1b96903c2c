"""A folder that appears complete or not at all. Knows nothing of what is in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from llamapack.errors import OutputError


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that takes its place when the block ends well; what was
    there goes then. Where `target` is a link, what it leads to is replaced. Whatever else ends the
    block leaves nothing behind. Raises OutputError."""
    place = _led_to(target)
    mark = secrets.token_hex(4)
    work, old = (place.with_name(f".{place.name[:100]}.{mark}.{end}") for end in ("tmp", "old"))
    try:
        work.mkdir()
        yield work
        if place.is_dir():
            place.replace(old)
        work.replace(place)
    except OSError as error:
        raise OutputError.from_os_error(target, error) from error
    finally:
        # Ctrl-C can come between the two steps, too.
        if old.is_dir() and not place.exists():
            with contextlib.suppress(OSError):
                old.replace(place)
        shutil.rmtree(work, ignore_errors=True)
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)


def check_folder(target: Path) -> None:
    """Refuse a place that cannot become a folder, before anything is read."""
    parent = _led_to(target).parent
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is no folder; name another with --output.")
    if not parent.is_dir():
        raise OutputError(f"The folder {parent} does not exist; create it or choose another.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {parent} is not writable; choose another with --output.")


def _led_to(target: Path) -> Path:
    """The place itself, where `target` is a link to one."""
    return Path(os.path.realpath(target))
