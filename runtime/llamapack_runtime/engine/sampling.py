"""How the next token is chosen: llama.cpp's samplers, by its names and with its defaults.

Pure data. The meaning and the order of the samplers: llama.cpp's common/common.h and
common/sampling.cpp."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

SamplerName = Literal[
    "penalties",
    "dry",
    "top_n_sigma",
    "top_k",
    "typ_p",
    "top_p",
    "min_p",
    "xtc",
    "temperature",
    "adaptive_p",
    "infill",
]
SAMPLER_NAMES: tuple[SamplerName, ...] = get_args(SamplerName)
DEFAULT_SAMPLERS = SAMPLER_NAMES[:-2]


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """A temperature of 0 is greedy. `seed` None draws one. `logit_bias`: pairs of a token and what
    is added to its logit; minus infinity forbids it."""

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    typical_p: float = 1.0
    top_n_sigma: float = -1.0
    min_keep: int = 0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: Literal[0, 1, 2] = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    adaptive_target: float = -1.0
    adaptive_decay: float = 0.9
    samplers: tuple[SamplerName, ...] = DEFAULT_SAMPLERS
    logit_bias: tuple[tuple[int, float], ...] = ()

    @property
    def is_greedy(self) -> bool:
        return self.temperature <= 0.0

    @property
    def problem(self) -> str | None:
        """Why llama.cpp would refuse these values, as a sentence, or None."""
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if isinstance(value, float) and not math.isfinite(value):
                return f"{field_.name} must be a finite number, not {value}."
        if not 0.0 < self.repeat_penalty <= 1e6:
            return f"repeat_penalty must be above 0, not {self.repeat_penalty}."
        if self.seed is not None and not 0 <= self.seed < 2**32:
            return f"seed must lie between 0 and {2**32 - 1}, not {self.seed}."
        if any(math.isnan(bias) for _, bias in self.logit_bias):
            return "logit_bias must have numbers, not NaN."
        return None
