"""`llamapack diff`: in what two packs differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamapack.text import plain, size_text
from llamapack_runtime.pack import Entry, Pack
from llamapack_runtime.pack.format import MANIFEST_NAME, SIGNATURE_NAME

MAX_VALUE_CHARS = 60
# They follow from the entries, which are compared by themselves.
_NOT_COMPARED = ("entries",)


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` is a path of the manifest such as settings.temp, or "entry NAME"; None: not there."""

    where: str
    before: Any
    after: Any


def differences(one: Pack, other: Pack) -> list[Difference]:
    """Of the manifests and then of the entries; none: the packs do the same."""
    manifests = [json.loads(pack.manifest.to_json()) for pack in (one, other)]
    for manifest in manifests:
        for name in _NOT_COMPARED:
            del manifest[name]
    flat = [dict(_flat(manifest)) for manifest in manifests]
    entries = [{_where(entry): _facts(entry) for entry in _compared(pack)} for pack in (one, other)]
    return [*_differences(*flat), *_differences(*entries)]


def difference_text(found: Difference) -> str:
    return f"{plain(found.where)}: {_shown(found.before)} -> {_shown(found.after)}"


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for where in sorted(before.keys() | after.keys()):
        if before.get(where) != after.get(where):
            yield Difference(where, before.get(where), after.get(where))


def _flat(value: object, where: str = "") -> Iterator[tuple[str, object]]:
    """Texts, numbers and lists of them, by the names on the way to them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _flat(item, f"{where}[{item.get('name', '')}]")
    else:
        yield where, value


def _compared(pack: Pack) -> Iterator[Entry]:
    return (entry for entry in pack.entries if entry.name not in (MANIFEST_NAME, SIGNATURE_NAME))


def _where(entry: Entry) -> str:
    return f"entry {entry.name}"


def _facts(entry: Entry) -> dict[str, object]:
    return {"size": entry.size, "sha256": entry.sha256}


def _shown(value: object) -> str:
    if value is None:
        return "not there"
    if isinstance(value, dict):
        return f"{size_text(value['size'])}, SHA-256 {value['sha256'][:12]}…"
    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"
