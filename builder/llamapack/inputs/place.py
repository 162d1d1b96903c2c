"""What a path leads to, whatever is in it: a path out of a file may be no path at all."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from llamapack.errors import ModelError
from llamapack.text import plain

_SHOWN_CHARS = 200


def what_is(path: Path) -> Literal["file", "folder"] | None:
    """None: nothing is there. ModelError when nobody can tell."""
    try:
        return "folder" if path.is_dir() else "file" if path.exists() else None
    except OSError as error:
        shown = plain(str(path)[:_SHOWN_CHARS])
        raise ModelError(f"Cannot read {shown}: {error.strerror}.") from error


def is_folder(path: Path) -> bool:
    """Whether it is one that we may look at."""
    try:
        return path.is_dir()
    except OSError:
        return False  # to us it is as if it were not there


def path_in(folder: Path, text: str) -> Path:
    """The path that a file in `folder` writes as `text`. ModelError for the home folder of somebody
    who is not there."""
    try:
        return folder / Path(text).expanduser()
    except RuntimeError as error:
        raise ModelError(f"Cannot read {plain(text[:_SHOWN_CHARS])}: no such user.") from error
