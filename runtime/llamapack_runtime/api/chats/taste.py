"""How the person in front of the page wants answers: a preset, instructions, and single values."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import msgspec

from llamapack_runtime.api.adapters import MAX_NAMED
from llamapack_runtime.api.service import AnswerDefaults
from llamapack_runtime.api.wish import Wish
from llamapack_runtime.engine.sampling import SamplingParams

MAX_INSTRUCTIONS = 8000  # characters
# Models below so many parameters wander off at the usual temperature (the makers of some, such as
# SmolLM2, recommend 0.2), and say the same for ever: 5 of its 8 answers, none at this penalty.
SMALL_MODEL = 1_000_000_000
_CALM = 0.3
_CALM_PENALTY = 1.1

Preset = Literal["precise", "balanced", "creative"]
AdapterScales = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=64)], Annotated[float, msgspec.Meta(ge=0, le=2)]],
    msgspec.Meta(max_length=MAX_NAMED),
]


class Sampling(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What replaces the preset's value; null: nothing does. `max_tokens`: of one answer."""

    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    repeat_penalty: Annotated[float, msgspec.Meta(gt=0, le=2)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Taste(msgspec.Struct, forbid_unknown_fields=True):
    """`instructions` stand behind the packed system prompt in every chat. `thinking` null: as the
    model does by itself. `model` was chosen last, for chats that are begun; null: none was.
    `adapters`: scales by name; those without one act as the packer chose."""

    preset: Preset = "balanced"
    instructions: Annotated[str, msgspec.Meta(max_length=MAX_INSTRUCTIONS)] = ""
    sampling: Sampling = msgspec.field(default_factory=Sampling)
    thinking: bool | None = None
    model: str | None = None
    adapters: AdapterScales = msgspec.field(default_factory=dict)

    def wish(self, defaults: AnswerDefaults, parameter_count: int) -> Wish:
        """`defaults` are the packer's, and what "balanced" means, but for a small model, which is
        kept calm where the packer chose nothing."""
        balanced = defaults.sampling
        if 0 < parameter_count < SMALL_MODEL:
            balanced = _calm(balanced)
        own = msgspec.structs.asdict(self.sampling)
        max_tokens = own.pop("max_tokens") or defaults.max_tokens
        values = {name: value for name, value in own.items() if value is not None}
        adapters = defaults.adapters.of_names(self.adapters)
        sampling = replace(_preset(self.preset, balanced), **values)
        return Wish(sampling, max_tokens, adapters=adapters)


def _calm(sampling: SamplingParams) -> SamplingParams:
    """Where the packer chose nothing else."""
    usual = SamplingParams()
    if sampling.temperature == usual.temperature:
        sampling = replace(sampling, temperature=_CALM)
    if sampling.repeat_penalty == usual.repeat_penalty:
        sampling = replace(sampling, repeat_penalty=_CALM_PENALTY)
    return sampling


def _preset(preset: Preset, balanced: SamplingParams) -> SamplingParams:
    if preset == "precise":
        return replace(balanced, temperature=0.2, top_p=0.9, min_p=0.1)
    if preset == "creative":
        return replace(balanced, temperature=1.0, top_p=0.98, min_p=0.02)
    return balanced
