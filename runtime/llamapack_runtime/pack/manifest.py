"""The manifest: a pack's last entry, typed JSON. Knows nothing of where its bytes come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from llamapack_runtime.pack.errors import PackError

MANIFEST_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the packer read from the GGUF, so that the page can name it before it is loaded."""

    entry: str
    name: str
    architecture: str
    quantization: str
    parameter_count: int
    context_length: int
    has_chat_template: bool
    license: str | None


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """The frozen runtime image inside the pack."""

    entry: str
    key: str
    glibc_floor: str | None
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EntrySum:
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last entry of a pack. `settings` maps flag names without dashes to packed defaults.
    `state` names the entry with what the model computed of the system prompt, if there is one."""

    pack_id: str
    name: str
    target: str
    llamapack_version: str
    model: ModelInfo
    runtime: RuntimeInfo
    settings: Mapping[str, Any]
    entries: tuple[EntrySum, ...]
    state: str | None = None
    schema: int = MANIFEST_SCHEMA

    def to_json(self) -> bytes:
        """Canonical JSON: sorted keys, two-space indent, final newline."""
        fields: dict[str, object] = {
            "schema": self.schema,
            "pack_id": self.pack_id,
            "name": self.name,
            "target": self.target,
            "llamapack_version": self.llamapack_version,
            "model": {key: getattr(self.model, key) for key in ModelInfo.__slots__},
            "runtime": {
                "entry": self.runtime.entry,
                "key": self.runtime.key,
                "glibc_floor": self.runtime.glibc_floor,
                "versions": dict(self.runtime.versions),
            },
            "settings": dict(self.settings),
            "entries": [
                {"name": entry.name, "size": entry.size, "sha256": entry.sha256}
                for entry in self.entries
            ],
        }
        if self.state is not None:
            fields["state"] = self.state
        text = json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        return text.encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Raises PackError that names the field when one is missing or of the wrong type."""
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise PackError(f"The pack's manifest is not valid JSON: {error}.") from error
        top = _Fields(raw, "manifest")
        schema = top.get("schema", int)
        if schema != MANIFEST_SCHEMA:
            raise PackError(
                f"The pack's manifest has schema {schema}, but this program knows "
                f"{MANIFEST_SCHEMA}. Use the llamapack version that made the pack."
            )
        model = _Fields(top.get("model", dict), "model")
        runtime = _Fields(top.get("runtime", dict), "runtime")
        entries = [_Fields(item, "entries") for item in top.get("entries", list)]
        return cls(
            pack_id=top.get("pack_id", str),
            name=top.get("name", str),
            target=top.get("target", str),
            llamapack_version=top.get("llamapack_version", str),
            model=ModelInfo(
                entry=model.get("entry", str),
                name=model.get("name", str),
                architecture=model.get("architecture", str),
                quantization=model.get("quantization", str),
                parameter_count=model.get("parameter_count", int),
                context_length=model.get("context_length", int),
                has_chat_template=model.get("has_chat_template", bool),
                license=model.optional("license", str),
            ),
            runtime=RuntimeInfo(
                entry=runtime.get("entry", str),
                key=runtime.get("key", str),
                glibc_floor=runtime.optional("glibc_floor", str),
                versions=runtime.texts("versions"),
            ),
            settings=top.get("settings", dict),
            entries=tuple(
                EntrySum(item.get("name", str), item.get("size", int), item.get("sha256", str))
                for item in entries
            ),
            state=top.optional("state", str),
        )


class _Fields:
    """Typed access to one JSON object of the manifest."""

    def __init__(self, raw: object, where: str) -> None:
        if not isinstance(raw, dict):
            raise PackError(f"In the pack's manifest, '{where}' must be an object.")
        self._raw = raw
        self._where = where

    def get(self, key: str, kind: type) -> Any:
        """Whole numbers are sizes and counts, so they are not negative."""
        value = self._raw.get(key)
        wrong = not isinstance(value, kind)
        if kind is int:
            wrong = isinstance(value, bool) or not isinstance(value, int) or value < 0
        if wrong:
            raise PackError(
                f"In the pack's manifest, '{self._where}.{key}' must be of the kind "
                f"{kind.__name__}, not {value!r:.40}."
            )
        return value

    def texts(self, key: str) -> dict[str, str]:
        found = self.get(key, dict)
        if not all(isinstance(value, str) for value in found.values()):
            raise PackError(f"In the pack's manifest, '{self._where}.{key}' must hold only text.")
        return dict(found)

    def optional(self, key: str, kind: type) -> Any:
        return None if self._raw.get(key) is None else self.get(key, kind)
