"""llama-server's request bodies, and its parameters that cannot be honoured."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from llamapack_runtime.api.adapters import MAX_NAMED, NamedAdapter
from llamapack_runtime.api.neutral import EITHER, EMPTY, LLAMACPP, NOTHING, OFF, ONE, ZERO, Neutral
from llamapack_runtime.api.parameters import Int31, Parameters

MAX_EXTRA_FILES = 256

Probabilities = Annotated[int, Meta(ge=0, le=100)]
Milliseconds = Annotated[int, Meta(ge=-1, le=2**53)]

_HONOURED = frozenset({"n_indent", "t_max_predict_ms"})
NEUTRAL: Neutral = {
    **{name: values for name, values in LLAMACPP.items() if name not in _HONOURED},
    # Of chat: a text that is continued has no such parts.
    "echo": OFF,
    "chat_format": (None, 0),
    "generation_prompt": EMPTY,
    "grammar_lazy": OFF,
    "grammar_triggers": EMPTY,
    "preserved_tokens": EMPTY,
    "parse_tool_calls": EITHER,
    "reasoning_format": (None, "none", "auto", "deepseek", "deepseek-legacy"),
    "reasoning_in_content": EITHER,
    "reasoning_control": OFF,
    "reasoning_budget_tokens": (None, -1),
    "reasoning_budget_message": EMPTY,
    "continue_final_message": OFF,
    # Of earlier versions; clients still send them.
    "api_key": (None, ""),
    "image_data": EMPTY,
    "penalize_nl": OFF,
    "penalty_prompt": EMPTY,
    "slot_id": (None, -1),
    "system_prompt": EMPTY,
    "tfs_z": ONE,
    "speculative.n_max": NOTHING + ZERO,
    "speculative.n_min": NOTHING + ZERO,
    "speculative.p_min": NOTHING + ZERO,
}


class NativeParameters(Parameters, frozen=True, kw_only=True):
    """`logprobs` is an older name of `n_probs`. `t_max_predict_ms` and `n_indent` end an answer at
    a line's end: see `limits`."""

    logprobs: Probabilities | None = None
    response_fields: Annotated[list[str], Meta(max_length=64)] | None = None
    t_max_predict_ms: Milliseconds | None = None
    t_max_prompt_ms: Milliseconds | None = None  # editors send it; llama-server does nothing, too
    n_indent: Int31 | None = None

    @property
    def wanted_probs(self) -> int | None:
        """None when no probabilities are wanted."""
        return (self.logprobs if self.n_probs is None else self.n_probs) or None


class CompletionRequest(NativeParameters, frozen=True, kw_only=True):
    """`prompt`: see `prompts`."""

    prompt: str | list[Any] | dict[str, Any]


class AdapterScales(msgspec.Struct, frozen=True):
    """What a list of adapters is read as."""

    adapters: Annotated[list[NamedAdapter], Meta(max_length=MAX_NAMED)]


class ExtraFile(msgspec.Struct, frozen=True):
    """Of another file, what may help. Editors add facts of their own, such as a time."""

    text: str
    filename: str = "tmp"


class InfillRequest(NativeParameters, frozen=True, kw_only=True):
    input_prefix: str
    input_suffix: str
    input_extra: Annotated[list[ExtraFile], Meta(max_length=MAX_EXTRA_FILES)] | None = None
    prompt: str | None = None


class TokenizeRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    model: str | None = None
    content: str | list[Any] | None = None
    add_special: bool = False
    parse_special: bool = True
    with_pieces: bool = False


class DetokenizeRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    model: str | None = None
    tokens: list[Int31] | None = None
