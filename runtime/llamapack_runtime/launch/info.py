"""What --info says: what would run here and how, without loading the model or serving."""

from __future__ import annotations

from collections.abc import Sequence

from llamapack_runtime.errors import ProgramError
from llamapack_runtime.hardware.cpus import cpu_name
from llamapack_runtime.launch.facts import (
    Facts,
    about_facts,
    draft_facts,
    gpu_facts,
    hardware_facts,
    plan_facts,
)
from llamapack_runtime.launch.preparing import prepare
from llamapack_runtime.launch.source import ModelSource, python_version
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings


def collect(
    source: ModelSource, others: Sequence[ModelSource], settings: Settings, paths: Paths
) -> Facts:
    """Everything by section; how it runs here is that of the first model. What cannot be decided
    stands as `problem`: this is for those whose pack does not run."""
    about = source.about
    facts: dict[str, object] = {
        **about_facts(about, python_version()),
        "models": [_model_facts(one) for one in (source, *others)],
        "pack": {
            "file": str(source.path),
            "id": about.pack_id,
            "executable": str(paths.executable),
        },
        "folders": {"cache": str(paths.cache), "data": str(paths.data)},
        "cpu": {"name": cpu_name()},
    }
    try:
        prepared = prepare(source, settings, paths)
    except ProgramError as error:
        return facts | {"problem": str(error)}
    draft = prepared.draft
    return facts | {
        **({} if draft is None else {"draft_model": draft_facts(draft)}),
        "cpu": {"name": cpu_name(), **hardware_facts(prepared.choice)},
        "gpu": gpu_facts(prepared.gpu, prepared.plan),
        "memory": plan_facts(prepared.plan),
    }


def _model_facts(source: ModelSource) -> Facts:
    """What requests may name, and what is loaded with it."""
    eyes = source.projector
    return {
        "name": source.about.model.id,
        "kind": source.kind,
        "size_bytes": source.size,
        "adapters": [f"{one.name}:{one.scale:g}" for one in source.adapters],
        "projector": None if eyes is None else "packed" if eyes.sha256 else eyes.path.name,
    }
