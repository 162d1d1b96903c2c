"""`generation_settings`: all that shaped an answer, by llama-server's names and in its order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from llamapack_runtime.api.wish import Wish
from llamapack_runtime.engine.sampling import SamplingParams

Json = dict[str, Any]

RANDOM_SEED = 2**32 - 1  # LLAMA_DEFAULT_SEED
# Of `generation_settings`, what /props leaves out.
_OF_ONE_REQUEST = frozenset(
    {
        "dry_sequence_breakers",
        "stop",
        "logit_bias",
        "grammar",
        "grammar_lazy",
        "grammar_triggers",
        "preserved_tokens",
    }
)


def generation_settings(
    wish: Wish,
    *,
    grammar: str = "",
    stream: bool = False,
    timings_per_token: bool = False,
    lora: Sequence[Json] = (),
) -> Json:
    limit = -1 if wish.max_tokens is None else wish.max_tokens
    return {
        **_sampling(wish.sampling),
        "stop": wish.stop,
        "max_tokens": limit,
        "n_predict": limit,
        "n_keep": -1 if wish.n_keep >= 2**31 - 1 else wish.n_keep,
        "n_discard": 0,
        "ignore_eos": wish.ignores_end,
        "stream": stream,
        "logit_bias": _biases(wish.sampling),
        "n_probs": wish.n_probs or 0,
        "min_keep": wish.sampling.min_keep,
        "grammar": grammar,
        "grammar_lazy": False,
        "grammar_triggers": [],
        "preserved_tokens": [],
        "chat_format": "Content-only",
        "reasoning_format": "none",
        "reasoning_in_content": False,
        "generation_prompt": "",
        "samplers": wish.sampling.samplers,
        "speculative.types": "none",
        "timings_per_token": timings_per_token,
        "post_sampling_probs": False,
        "backend_sampling": False,
        "lora": list(lora),
    }


def default_settings(wish: Wish) -> Json:
    """As /props shows them."""
    settings = generation_settings(wish)
    return {name: value for name, value in settings.items() if name not in _OF_ONE_REQUEST}


def _sampling(sampling: SamplingParams) -> Json:
    return {
        "seed": RANDOM_SEED if sampling.seed is None else sampling.seed,
        "temperature": sampling.temperature,
        "dynatemp_range": sampling.dynatemp_range,
        "dynatemp_exponent": sampling.dynatemp_exponent,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "top_n_sigma": sampling.top_n_sigma,
        "xtc_probability": sampling.xtc_probability,
        "xtc_threshold": sampling.xtc_threshold,
        "typical_p": sampling.typical_p,
        "repeat_last_n": sampling.repeat_last_n,
        "repeat_penalty": sampling.repeat_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "dry_multiplier": sampling.dry_multiplier,
        "dry_base": sampling.dry_base,
        "dry_allowed_length": sampling.dry_allowed_length,
        "dry_penalty_last_n": sampling.dry_penalty_last_n,
        "dry_sequence_breakers": sampling.dry_sequence_breakers,
        "mirostat": sampling.mirostat,
        "mirostat_tau": sampling.mirostat_tau,
        "mirostat_eta": sampling.mirostat_eta,
        "adaptive_target": sampling.adaptive_target,
        "adaptive_decay": sampling.adaptive_decay,
    }


def _biases(sampling: SamplingParams) -> list[Json]:
    """JSON has no infinity: null forbids a token."""
    return [
        {"bias": bias if math.isfinite(bias) else None, "token": token}
        for token, bias in sampling.logit_bias
    ]
