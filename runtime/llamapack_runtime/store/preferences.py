"""The user's settings of the chat application: small JSON values by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import msgspec

from llamapack_runtime.store.errors import NotStorable
from llamapack_runtime.store.rows import MAX_JSON_BYTES

_MAX_COUNT = 100
_MAX_NAME = 100  # characters
_SET = "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


def get(connection: sqlite3.Connection) -> dict[str, object]:
    rows = connection.execute("SELECT key, value FROM settings ORDER BY key")
    return {key: msgspec.json.decode(value) for key, value in rows}


def patch(connection: sqlite3.Connection, changes: Mapping[str, object]) -> dict[str, object]:
    """All of them after the change; a value of None takes one away."""
    for name, value in changes.items():
        if value is None:
            connection.execute("DELETE FROM settings WHERE key = ?", (name,))
        else:
            connection.execute(_SET, (name, _encoded(name, value)))
    kept = get(connection)
    if len(kept) > _MAX_COUNT:
        raise NotStorable(f"There can be {_MAX_COUNT} settings at most.")
    return kept


def _encoded(name: str, value: object) -> str:
    encoded = msgspec.json.encode(value)
    if len(name) > _MAX_NAME or len(encoded) > MAX_JSON_BYTES:
        raise NotStorable(
            f"The setting {name[:_MAX_NAME]!r} is too large: {MAX_JSON_BYTES // 1024} KiB are "
            "the most."
        )
    return encoded.decode()
