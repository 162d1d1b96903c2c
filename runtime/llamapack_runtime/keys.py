"""API keys: one secret each, with a name for the log. Their file, and who else could read it."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llamapack_runtime.errors import UsageError
from llamapack_runtime.text_file import read_text_file

MAX_KEYS = 1000
_NAMED = re.compile(r"([A-Za-z0-9_.-]{1,32})=(.*)")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`name` may be shown anywhere, `secret` nowhere."""

    name: str
    secret: str = field(repr=False)


def parse_keys(texts: Sequence[str]) -> tuple[ApiKey, ...]:
    """Each text is KEY or NAME=KEY; a key without a name is called by its number. UsageError that
    does not show the key."""
    keys = tuple(_parse(text, number) for number, text in enumerate(texts, 1))
    names = [key.name for key in keys]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"Two API keys have the name '{twice}'; give each its own.")
    if len(keys) > MAX_KEYS:
        raise UsageError(f"There are {len(keys)} API keys; at most {MAX_KEYS} are possible.")
    return keys


def _parse(text: str, number: int) -> ApiKey:
    """A key may itself end in '=': what follows a name must be a whole key."""
    named = _NAMED.fullmatch(text)
    if named and is_usable_key(named[2]):
        return ApiKey(named[1], named[2])
    if not is_usable_key(text):
        raise UsageError(
            "Each --api-key and each line of --api-key-file must have 8 to 256 letters, digits or "
            f"signs, without spaces; number {number} of them does not."
        )
    return ApiKey(f"key {number}", text)


def is_usable_key(key: str) -> bool:
    return 8 <= len(key) <= 256 and key.isascii() and key.isprintable() and " " not in key


def lines_of_key_file(path: Path) -> tuple[str, ...]:
    """Its lines without comments and empty ones. UsageError when it cannot be read or has none."""
    lines = [line.strip() for line in read_text_file(path, "API key").splitlines()]
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found:
        raise UsageError(f"The API key file {path} holds no key; write one on a line.")
    return found


def warning_about_key_file(path: Path) -> str | None:
    """A sentence when other users of this computer can read the keys."""
    if sys.platform == "win32":  # there, the folder's access list says who can
        return None
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if not mode & (stat.S_IRGRP | stat.S_IROTH):
        return None
    return f"Other users of this computer can read the API keys in {path}; run: chmod 600 {path}"
