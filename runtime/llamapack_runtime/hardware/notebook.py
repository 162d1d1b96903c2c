"""The memory of what was tried: one small JSON file for each runtime image, with an entry for each
computer (a home folder may be shared). A damaged or foreign file counts as no memory, and a folder
that cannot be written is no error: the next start tries again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_VERSION = 2
_MOST_ENTRIES = 8
_MOST_BYTES = 1 << 20


def memory_path(cache_folder: Path, image_key: str, subject: str = "hardware") -> Path:
    return cache_folder / f"{subject}-{image_key}.json"


def memory_key(*facts: str | Sequence[str]) -> str:
    """One entry's key: everything on which the choice depends."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def read_entry(path: Path, key: str) -> object:
    """KeyError when there is none."""
    return _entries(path)[key]


def write_entry(path: Path, key: str, entry: Mapping[str, object]) -> None:
    """Add or replace an entry: written beside the file, then renamed."""
    entries = _entries(path)
    entries.pop(key, None)
    entries[key] = entry
    kept = dict(list(entries.items())[-_MOST_ENTRIES:])
    text = json.dumps({"version": _VERSION, "entries": kept}, indent=1)
    with contextlib.suppress(OSError):
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _entries(path: Path) -> dict[str, object]:
    """All entries, the oldest first; empty for a file that is missing, damaged or not ours."""
    try:
        with path.open(encoding="utf-8") as file:
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        return {}
    entries = content.get("entries")
    return entries if isinstance(entries, dict) else {}
