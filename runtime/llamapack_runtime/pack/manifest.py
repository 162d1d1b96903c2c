"""The manifest: a pack's last entry, typed JSON. Knows nothing of where its bytes come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self, get_args

from llamapack_runtime.model_kind import Kind
from llamapack_runtime.pack.brand import PLAIN, Brand
from llamapack_runtime.pack.errors import BrandError, PackError

MANIFEST_SCHEMA = 1
_ALWAYS_SAID = (
    "entry",
    "name",
    "architecture",
    "quantization",
    "parameter_count",
    "context_length",
    "has_chat_template",
    "license",
)


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """A LoRA adapter for the model that lists it. `scale` is how strongly it acts where a request
    does not say so; 0: only in requests that name it."""

    name: str
    entry: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the packer read from the GGUF, so that the page can name it before it is loaded.
    `projector` names the entry with what makes images readable for it, `draft` the entry with a
    smaller model that guesses for it."""

    entry: str
    name: str
    architecture: str
    quantization: str
    parameter_count: int
    context_length: int
    has_chat_template: bool
    license: str | None
    kind: Kind = "chat"
    adapters: tuple[AdapterInfo, ...] = ()
    projector: str | None = None
    draft: str | None = None

    @property
    def entry_names(self) -> tuple[str, ...]:
        """All that must be in the pack for it."""
        named = [name for name in (self.projector, self.draft) if name is not None]
        return (self.entry, *(adapter.entry for adapter in self.adapters), *named)


@dataclass(frozen=True, slots=True)
class EntrySum:
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """The frozen runtime image inside the pack, and the launcher that the file begins with, or that
    is the program of an app; it is no entry. `gpu`: its backends for graphics processors, "vulkan";
    None: there was none to pack, and empty: left out because the packer wished it."""

    entry: str
    key: str
    glibc_floor: str | None
    versions: Mapping[str, str]
    launcher: EntrySum | None = None
    gpu: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last entry of a pack. `settings` maps flag names without dashes to packed defaults.
    `others` are models besides the one that a chat begins with; each has a name of its own.
    `runtimes` are those for further systems, in a pack that several share.
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
    brand: Brand = PLAIN
    others: tuple[ModelInfo, ...] = ()
    runtimes: tuple[RuntimeInfo, ...] = ()
    schema: int = MANIFEST_SCHEMA

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        return (self.model, *self.others)

    @property
    def all_runtimes(self) -> tuple[RuntimeInfo, ...]:
        return (self.runtime, *self.runtimes)

    def to_json(self) -> bytes:
        """Canonical JSON: sorted keys, two-space indent, final newline."""
        fields: dict[str, object] = {
            "schema": self.schema,
            "pack_id": self.pack_id,
            "name": self.name,
            "target": self.target,
            "llamapack_version": self.llamapack_version,
            "model": _model_fields(self.model),
            "runtime": _runtime_fields(self.runtime),
            "settings": dict(self.settings),
            "entries": [_sum_fields(entry) for entry in self.entries],
        }
        if self.others:
            fields["others"] = [_model_fields(model) for model in self.others]
        if self.runtimes:
            fields["runtimes"] = [_runtime_fields(runtime) for runtime in self.runtimes]
        if self.state is not None:
            fields["state"] = self.state
        if self.brand.wishes:
            fields["brand"] = self.brand.wishes
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
        manifest = cls(
            pack_id=top.get("pack_id", str),
            name=top.get("name", str),
            target=top.get("target", str),
            llamapack_version=top.get("llamapack_version", str),
            model=_model(top.get("model", dict), "model"),
            runtime=_runtime(top.get("runtime", dict), "runtime"),
            settings=top.get("settings", dict),
            entries=tuple(_sum(item, "entries") for item in top.get("entries", list)),
            state=top.optional("state", str),
            brand=_brand(top.optional("brand", dict) or {}),
            others=tuple(_model(raw, "others") for raw in top.optional("others", list) or ()),
            runtimes=tuple(
                _runtime(raw, "runtimes") for raw in top.optional("runtimes", list) or ()
            ),
        )
        _check_names("models", [model.name for model in manifest.models])
        for one in manifest.models:
            _check_names("adapters", [adapter.name for adapter in one.adapters])
        return manifest


def _check_names(what: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PackError(f"In the pack's manifest, two {what} have the name {twice!r:.80}.")


def _model_fields(model: ModelInfo) -> dict[str, object]:
    """What is as usual is left out."""
    fields: dict[str, object] = {key: getattr(model, key) for key in _ALWAYS_SAID}
    if model.kind != "chat":
        fields["kind"] = model.kind
    if model.adapters:
        fields["adapters"] = [
            {"name": one.name, "entry": one.entry, "scale": one.scale} for one in model.adapters
        ]
    parts = {"projector": model.projector, "draft": model.draft}
    return fields | {key: name for key, name in parts.items() if name is not None}


def _model(raw: object, where: str) -> ModelInfo:
    model = _Fields(raw, where)
    kind: Any = model.optional("kind", str) or "chat"
    if kind not in get_args(Kind):
        raise PackError(f"In the pack's manifest, '{where}.kind' must not be {kind!r:.40}.")
    adapters = [_Fields(item, "adapters") for item in model.optional("adapters", list) or ()]
    return ModelInfo(
        entry=model.get("entry", str),
        name=model.get("name", str),
        architecture=model.get("architecture", str),
        quantization=model.get("quantization", str),
        parameter_count=model.get("parameter_count", int),
        context_length=model.get("context_length", int),
        has_chat_template=model.get("has_chat_template", bool),
        license=model.optional("license", str),
        kind=kind,
        adapters=tuple(
            AdapterInfo(item.get("name", str), item.get("entry", str), item.number("scale"))
            for item in adapters
        ),
        projector=model.optional("projector", str),
        draft=model.optional("draft", str),
    )


def _runtime_fields(runtime: RuntimeInfo) -> dict[str, object]:
    fields: dict[str, object] = {
        "entry": runtime.entry,
        "key": runtime.key,
        "glibc_floor": runtime.glibc_floor,
        "versions": dict(runtime.versions),
    }
    if runtime.launcher is not None:
        fields["launcher"] = _sum_fields(runtime.launcher)
    if runtime.gpu is not None:
        fields["gpu"] = list(runtime.gpu)
    return fields


def _runtime(raw: object, where: str) -> RuntimeInfo:
    runtime = _Fields(raw, where)
    launcher, gpu = runtime.optional("launcher", dict), runtime.optional("gpu", list)
    if not all(isinstance(name, str) for name in gpu or ()):
        raise PackError(f"In the pack's manifest, '{where}.gpu' must hold only text.")
    return RuntimeInfo(
        entry=runtime.get("entry", str),
        key=runtime.get("key", str),
        glibc_floor=runtime.optional("glibc_floor", str),
        versions=runtime.texts("versions"),
        launcher=None if launcher is None else _sum(launcher, "launcher"),
        gpu=None if gpu is None else tuple(gpu),
    )


def _sum_fields(item: EntrySum) -> dict[str, object]:
    return {"name": item.name, "size": item.size, "sha256": item.sha256}


def _sum(raw: object, where: str) -> EntrySum:
    item = _Fields(raw, where)
    return EntrySum(item.get("name", str), item.get("size", int), item.get("sha256", str))


def _brand(raw: dict[str, Any]) -> Brand:
    """What is missing is as usual; what another version has besides is left out."""
    found = _Fields(raw, "brand")
    return Brand(
        title=found.optional("title", str),
        color=found.optional("color", str),
        logo=found.optional("logo", str),
        welcome=found.optional("welcome", str),
        prompts=_wished_texts(found, "prompts"),
        disclaimer=found.optional("disclaimer", str),
        about=found.optional("about", str),
        description=found.optional("description", str),
        author=found.optional("author", str),
        languages=_wished_texts(found, "languages"),
        is_system_prompt_locked=found.optional("is_system_prompt_locked", bool) or False,
    )


def _wished_texts(found: _Fields, key: str) -> tuple[str, ...]:
    texts = found.optional(key, list) or []
    if not all(isinstance(text, str) for text in texts):
        raise BrandError(key, "must hold only text")
    return tuple(texts)


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

    def number(self, key: str) -> float:
        value = self._raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise PackError(
                f"In the pack's manifest, '{self._where}.{key}' must be a number, "
                f"not {value!r:.40}."
            )
        return float(value)

    def texts(self, key: str) -> dict[str, str]:
        found = self.get(key, dict)
        if not all(isinstance(value, str) for value in found.values()):
            raise PackError(f"In the pack's manifest, '{self._where}.{key}' must hold only text.")
        return dict(found)

    def optional(self, key: str, kind: type) -> Any:
        return None if self._raw.get(key) is None else self.get(key, kind)
