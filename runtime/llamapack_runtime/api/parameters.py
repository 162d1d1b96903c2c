"""The parameters of an answer by all the names that clients know: OpenAI's, llama.cpp's, and those
of vLLM, SGLang and TGI. A dialect's request structs extend `Parameters`.

What is wanted of the answer's form is read by `api/formats.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.adapters import MAX_NAMED, NamedAdapter

MAX_CHOICES = 8
MAX_STOP_TOKENS = 256
MAX_LOGIT_BIASES = 4096
MAX_LOOK_BACK = 2**20  # tokens: llama.cpp sets memory aside for each

Int31 = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Int31OrMinusOne = Annotated[int, Meta(ge=-1, le=2**31 - 1)]
LookBack = Annotated[int, Meta(ge=0, le=MAX_LOOK_BACK)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Factor = Annotated[float, Meta(gt=0, le=1000)]
UpTo100 = Annotated[float, Meta(ge=0, le=100)]
Priority = Annotated[int, Meta(ge=-8, le=8)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]
LogitBiases = dict[str, Any] | list[Any]


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None  # padding against eavesdroppers; never sent here


class Parameters(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """None means: the pack's default. `model` may be any name: a pack serves one model, and
    answers with that model's name; an adapter's name means the model with that one. A lower
    `priority` goes first (as vLLM has it). `cache_prompt` and `id_slot` only ever save time;
    here every prompt is looked for in all slots."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    n_cmpl: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    priority: Priority | None = None
    max_tokens: Int31OrMinusOne | None = None
    max_completion_tokens: Int31OrMinusOne | None = None
    n_predict: Int31OrMinusOne | None = None
    stop: str | list[str] | None = None

    # Samplers
    temperature: UpTo100 | None = None
    top_k: Int31OrMinusOne | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repeat_penalty: Factor | None = None
    repetition_penalty: Factor | None = None
    repeat_last_n: LookBack | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    typical_p: Share | None = None
    top_n_sigma: Annotated[float, Meta(ge=-1, le=1000)] | None = None
    min_keep: Annotated[int, Meta(ge=0, le=2**20)] | None = None
    dry_multiplier: UpTo100 | None = None
    dry_base: Annotated[float, Meta(ge=1, le=100)] | None = None
    dry_allowed_length: Annotated[int, Meta(ge=0, le=MAX_LOOK_BACK)] | None = None
    dry_penalty_last_n: LookBack | None = None
    dry_sequence_breakers: Annotated[list[Word], Meta(min_length=1, max_length=32)] | None = None
    xtc_probability: Share | None = None
    xtc_threshold: Share | None = None
    mirostat: Literal[0, 1, 2] | None = None
    mirostat_tau: UpTo100 | None = None
    mirostat_eta: UpTo100 | None = None
    dynatemp_range: UpTo100 | None = None
    dynatemp_exponent: UpTo100 | None = None
    adaptive_target: Annotated[float, Meta(ge=-1, le=1)] | None = None
    adaptive_decay: Annotated[float, Meta(ge=0, le=0.99)] | None = None
    samplers: str | list[Annotated[str, Meta(max_length=32)]] | None = None
    logit_bias: LogitBiases | None = None
    lora: Annotated[list[NamedAdapter], Meta(max_length=MAX_NAMED)] | None = None

    # The answer's end, and what is shown of it
    min_tokens: Int31 | None = None
    ignore_eos: bool | None = None
    stop_token_ids: Annotated[list[Int31], Meta(max_length=MAX_STOP_TOKENS)] | None = None
    include_stop_str_in_output: bool | None = None
    skip_special_tokens: bool | None = None
    n_keep: Int31OrMinusOne | None = None
    n_probs: Annotated[int, Meta(ge=0, le=100)] | None = None
    cache_prompt: bool | None = None
    id_slot: Int31OrMinusOne | None = None
    timings_per_token: bool | None = None
    return_progress: bool | None = None
    return_tokens: bool | None = None

    # The answer's form: see `api/formats.py`
    grammar: str | None = None
    json_schema: dict[str, Any] | bool | str | None = None
    guided_json: dict[str, Any] | bool | str | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None
    structured_outputs: dict[str, Any] | None = None
    regex: str | None = None
    ebnf: str | None = None

    @property
    def choices(self) -> int:
        return self.n or self.n_cmpl or 1

    @property
    def token_limit(self) -> int | None:
        """The newest name wins; -1 is no limit."""
        limits = (self.max_completion_tokens, self.max_tokens, self.n_predict)
        return next((limit for limit in limits if limit is not None), None)

    @property
    def has_usage_at_end(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)
