"""Reads a small text file that a setting names, and says in a sentence why it cannot."""

from __future__ import annotations

import stat
from pathlib import Path

from llamapack_runtime.errors import UsageError

MAX_BYTES = 1 << 20


def read_text_file(path: Path, what: str) -> str:
    """UTF-8 of at most 1 MiB, without a byte order mark and with line feeds alone. UsageError;
    `what` says whose file it is: "API key"."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe could be read only once
            raise UsageError(f"The {what} file {path} is not a plain file.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The {what} file {path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"The {what} file {path} has more than 1 MiB.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"The {what} file {path} is not UTF-8 text.") from None
