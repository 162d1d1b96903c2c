"""`llamapack inspect`: what a pack holds, as data and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llamapack.branding import flag_of
from llamapack.text import count_text, gpu_text, plain, size_text
from llamapack_runtime.pack import AdapterInfo, Brand, ModelInfo, Pack, RuntimeInfo
from llamapack_runtime.pack.format import RUNTIME_FOLDER

# Of a setting's value, on a terminal.
MAX_SETTING_CHARS = 200

_KINDS = {"embedding": "for embeddings", "reranker": "for reranking"}


def pack_facts(pack: Pack) -> dict[str, Any]:
    """The manifest as JSON has it, with the file's own size and where each entry lies."""
    facts: dict[str, Any] = json.loads(pack.manifest.to_json())
    facts["size_bytes"] = pack.path.stat().st_size
    facts["entries"] = [
        {
            "name": entry.name,
            "size": entry.size,
            "offset": entry.data_offset,
            "sha256": entry.sha256,
            "crc32": f"{entry.crc32:08x}",
        }
        for entry in pack.entries
    ]
    return facts


def pack_lines(pack: Pack) -> Iterator[str]:
    """The same for people."""
    manifest = pack.manifest
    model, runtime = manifest.model, manifest.runtime
    versions = ", ".join(f"{name} {version}" for name, version in sorted(runtime.versions.items()))
    rows = {
        "Name": manifest.name,
        "Model": _model_text(model),
        "Context": f"{model.context_length:,} tokens" if model.context_length else "not stated",
        "Chat template": "the model's own" if model.has_chat_template else "none (ChatML is used)",
        "Licence": model.license or "not stated",
        "Runs on": ", ".join(
            _runs_on(_target_of(one, manifest.target), one.glibc_floor)
            for one in manifest.all_runtimes
        ),
        "Runtime": f"{runtime.key}" + (f" ({versions})" if versions else ""),
        "GPU": gpu_text(runtime.gpu),
        "Made by": f"llamapack {manifest.llamapack_version}",
        "Settings": settings_text(manifest.settings) or "none",
        "Page": page_text(manifest.brand) or "as it is by itself",
        "Prompt state": _state_text(pack),
        "Pack id": manifest.pack_id,
        "Size": size_text(pack.path.stat().st_size),
    }
    for label, value in rows.items():
        yield f"{label + ':':<15}{plain(value)}"
        if label == "Model":
            yield from (f"{'and:':<15}{plain(_model_text(one))}" for one in manifest.others)
            yield from (f"{'Adapter:':<15}{plain(_adapter_text(one))}" for one in model.adapters)
            if model.draft is not None:
                yield f"{'Draft model:':<15}{plain(model.draft)}"
    yield ""
    yield f"{'Size':>12}  {'Offset':>14}  Entry"
    for entry in pack.entries:
        yield f"{size_text(entry.size):>12}  {entry.data_offset:>14,}  {plain(entry.name)}"


def _model_text(model: ModelInfo) -> str:
    words = f"{model.name}, {model.architecture}, {count_text(model.parameter_count)} parameters, "
    words += model.quantization + ("" if model.projector is None else ", reads images")
    return words + ("" if model.kind == "chat" else f", {_KINDS[model.kind]}")


def _adapter_text(adapter: AdapterInfo) -> str:
    is_quiet = adapter.scale == 0
    return f"{adapter.name}, " + (
        "only in requests that name it" if is_quiet else f"scale {adapter.scale:g}"
    )


def _state_text(pack: Pack) -> str:
    name = pack.manifest.state
    return "not packed" if name is None else f"{name}, {size_text(pack.entry(name).size)}"


def settings_text(settings: Mapping[str, Any]) -> str:
    """As flags; of a long text only the beginning."""
    return ", ".join(f"--{name} {_value_text(value)}" for name, value in sorted(settings.items()))


def page_text(brand: Brand) -> str:
    """As flags, too."""
    flags = []
    for name, value in brand.wishes.items():
        values = value if isinstance(value, tuple) else (value,)
        flags += [
            flag_of(name) if one is True else f"{flag_of(name)} {_value_text(one)}"
            for one in values
        ]
    return ", ".join(flags)


def _value_text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_SETTING_CHARS:
        return text
    return f'{text[:MAX_SETTING_CHARS]}…" ({len(text):,} characters)'


def _target_of(runtime: RuntimeInfo, usual: str) -> str:
    """What the entry is called after."""
    name = runtime.entry.removeprefix(RUNTIME_FOLDER).partition(".")[0]
    return name if "-" in name else usual


def _runs_on(target: str, glibc_floor: str | None) -> str:
    return target if glibc_floor is None else f"{target}, glibc {glibc_floor} or newer"
