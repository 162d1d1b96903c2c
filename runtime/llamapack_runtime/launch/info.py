"""What --info says: what would run here and how, without loading the model or serving."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from llamapack_runtime.errors import ProgramError
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import cpu_name
from llamapack_runtime.hardware.plan import LoadPlan
from llamapack_runtime.launch.preparing import prepare
from llamapack_runtime.launch.source import ModelSource, python_version
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

Facts = Mapping[str, object]


def collect(source: ModelSource, settings: Settings, paths: Paths) -> Facts:
    """Everything by section. What cannot be decided stands as `problem`: this is for those whose
    pack does not run."""
    about = source.about
    model = about.model
    facts: dict[str, object] = {
        "name": about.name,
        "pack": {
            "file": str(source.path),
            "id": about.pack_id,
            "executable": str(paths.executable),
        },
        "versions": {
            "llamapack": about.llamapack_version,
            "python": python_version(),
            **about.versions,
        },
        "model": {name: getattr(model, name) for name in type(model).__slots__},
        "folders": {"cache": str(paths.cache), "data": str(paths.data)},
        "cpu": {"name": cpu_name()},
    }
    try:
        prepared = prepare(source, settings, paths)
    except ProgramError as error:
        return facts | {"problem": str(error)}
    return facts | {
        "cpu": {"name": cpu_name(), **_hardware(prepared.choice)},
        "memory": _memory(prepared.plan),
    }


def as_json(facts: Facts) -> str:
    return json.dumps(facts, indent=2, ensure_ascii=False)


def as_text(facts: Facts) -> str:
    """One fact a line, indented by section."""
    return "\n".join(_lines(facts, ""))


def _lines(facts: Mapping[str, object], indent: str) -> Iterator[str]:
    for name, value in facts.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, Mapping):
            yield label
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list):
            yield label
            yield from (f"{indent}  {_in_words(item)}" for item in value)
        else:
            yield f"{label} {_in_words(value)}"


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(item)}" for name, item in value.items() if item)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value)


def _hardware(choice: HardwareChoice) -> Facts:
    return {
        "variant": choice.variant.name,
        "why": choice.reason,
        "remembered": choice.from_cache,
        "threads": choice.n_threads,
        "threads_batch": choice.n_threads_batch,
        "variants": [
            {name: getattr(result, name) for name in type(result).__slots__}
            for result in choice.results
        ],
    }


def _memory(plan: LoadPlan) -> Facts:
    return {
        "needed_bytes": plan.needed_bytes,
        "free_bytes": plan.free_bytes,
        "context_tokens": plan.n_ctx,
        "conversations_at_once": plan.n_seq_max,
        "cache_type_k": plan.type_k,
        "cache_type_v": plan.type_v,
        "notes": list(plan.notes),
    }
