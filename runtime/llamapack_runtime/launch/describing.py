"""Says how a model's vocabulary and chat template behave, and what memory it takes, for the program
that makes packs. The file may be metadata alone; weights are not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llamapack_runtime.chat.template_report import report_on
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.lib import load_library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.special_tokens import special_tokens
from llamapack_runtime.errors import ModelFileUnusable, ModelUnusable
from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import (
    KvType,
    ModelFacts,
    Wanted,
    kv_bytes_per_cell,
    plan_load,
)

_CONTEXTS = (2048, 8192, 32768, 131072)
_KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0", "q4_0")
_NO_LIMIT = MemoryLimits(1 << 62, 1 << 62, "machine")
_MOST_ENDS = 32
_CAPABILITIES = ("shows_system", "shows_tools", "shows_tool_calls", "shows_reasoning")


def describe(path: Path, weights_bytes: int, libraries: Path) -> dict[str, Any]:
    """ProgramError when the file is none that llama.cpp can read."""
    header = _header(path)
    load_library(libraries, None)
    try:
        with Model.open(path, 0, path.stat().st_size, vocabulary_alone=True) as model:
            return {
                "vocabulary": _vocabulary(model),
                "template": _template(model),
                "memory": list(_memory(header, weights_bytes)),
            }
    except EngineError as error:
        raise ModelUnusable(str(error)) from error


def _header(path: Path) -> GgufHeader:
    try:
        with path.open("rb") as file:
            return read_header(file, 0, path.stat().st_size, path.name)
    except GgufError as error:
        raise ModelFileUnusable(str(error)) from error
    except OSError as error:
        raise ModelFileUnusable(f"{path} cannot be read: {error.strerror}.") from error


def _vocabulary(model: Model) -> dict[str, Any]:
    found = asdict(special_tokens(model))
    return {**found, "ends": found["ends"][:_MOST_ENDS], "tokens": model.n_vocab}


def _template(model: Model) -> dict[str, Any] | None:
    """None: the model has none."""
    if model.chat_template is None:
        return None
    report = report_on(model.chat_template, bos_token=model.bos_token, eos_token=model.eos_token)
    can = report.capabilities
    return {
        "problem": report.problem,
        "repeats_bos": report.repeats_bos,
        "after_answer": report.after_answer,
        "renderings": [asdict(one) for one in report.renderings],
    } | {name: can is not None and getattr(can, name) for name in _CAPABILITIES}


def _memory(header: GgufHeader, weights_bytes: int) -> Iterator[dict[str, Any]]:
    """For some lengths of the context, and types of the cache; as `hardware.plan` counts it."""
    facts = ModelFacts.from_metadata(header.metadata, weights_bytes)
    trained = facts.n_ctx_train
    lengths = {length for length in _CONTEXTS if length < trained} | {trained or _CONTEXTS[1]}
    types = _KV_TYPES if facts.can_quantize_kv else _KV_TYPES[:1]
    for length in sorted(lengths):
        for kind in types:
            wanted = Wanted(n_ctx=length, type_k=kind, type_v=kind)
            yield {
                "context": length,
                "cache_type": kind,
                "cache_bytes": kv_bytes_per_cell(facts, kind, kind) * length,
                "needed_bytes": plan_load(facts, wanted, _NO_LIMIT).needed_bytes,
            }
