"""What is known of a program and its computer, by section, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from llamapack_runtime.api.service import About
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.gpu_choice import GpuChoice
from llamapack_runtime.hardware.plan import LoadPlan
from llamapack_runtime.launch.drafting import DraftPlan

Facts = Mapping[str, object]


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
            yield label if value else f"{label} none"
            yield from (f"{indent}  {_in_words(item)}" for item in value)
        else:
            yield f"{label} {_in_words(value)}"


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        said = {name.replace("_", " "): _in_words(item) for name, item in value.items() if item}
        return ", ".join(f"{name} {words}" for name, words in said.items())
    if isinstance(value, list):
        return " and ".join(map(_in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value)


def about_facts(about: About, python: str) -> Facts:
    model = about.model
    return {
        "name": about.name,
        "versions": {"llamapack": about.llamapack_version, "python": python, **about.versions},
        "model": {name: getattr(model, name) for name in type(model).__slots__},
    }


def hardware_facts(choice: HardwareChoice) -> Facts:
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


def gpu_facts(gpu: GpuChoice, plan: LoadPlan) -> Facts:
    device, offload = gpu.device, plan.offload
    facts: dict[str, object] = {"used": device is not None, "why": gpu.reason}
    if device is not None:
        names = ("name", "description", "library", "kind")
        facts |= {name: getattr(device, name) for name in names}
    if offload is not None:
        facts |= {
            "layers": offload.words,
            "needed_bytes": offload.needed_bytes,
            "free_bytes": offload.free_bytes,
        }
    return facts | {"remembered": gpu.from_cache}


def plan_facts(plan: LoadPlan) -> Facts:
    return {
        "needed_bytes": plan.needed_bytes,
        "free_bytes": plan.free_bytes,
        "context_tokens": plan.n_ctx,
        "conversations_at_once": plan.n_seq_max,
        "cache_type_k": plan.type_k,
        "cache_type_v": plan.type_v,
        "notes": list(plan.notes),
    }


def draft_facts(draft: DraftPlan) -> Facts:
    return {
        "name": draft.source.name,
        "is_used": draft.problem is None,
        "size_bytes": draft.source.size,
        "needed_bytes": draft.needed_bytes,
    }
