"""Parameters that exist elsewhere and cannot be honoured here: a 400 that names them.

Each is listed with the values that ask for nothing, which clients send by habit: those pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamapack_runtime.api.errors import UnsupportedParameter

Neutral = Mapping[str, tuple[object, ...]]

NOTHING: tuple[object, ...] = (None,)
OFF = (None, False)
EITHER = (None, True, False)
EMPTY: tuple[object, ...] = (None, [], {}, "")
ZERO = (None, 0)
ONE = (None, 1)

LLAMACPP: Neutral = {
    "post_sampling_probs": OFF,
    "n_indent": ZERO,
    "n_discard": ZERO,
    "n_cache_reuse": EITHER + ZERO,
    "t_max_predict_ms": (None, 0, -1),
    "sse_ping_interval": NOTHING,
    "backend_sampling": EITHER,  # where the sampling is computed
    "verbose": OFF,
}
VLLM: Neutral = {
    "use_beam_search": OFF,
    "length_penalty": ONE,
    "early_stopping": OFF,
    "prompt_logprobs": NOTHING,
    "bad_words": EMPTY,
    "allowed_token_ids": NOTHING,
    "detokenize": (None, True),
    "spaces_between_special_tokens": EITHER,  # tokens have their own spaces here
    "logits_processors": EMPTY,
    "guided_whitespace_pattern": NOTHING,
    "guided_decoding_backend": NOTHING,
    "return_token_ids": OFF,
    "return_tokens_as_token_ids": OFF,
    "structural_tag": NOTHING,
}


def without_neutral(body: Mapping[str, Any], table: Neutral) -> dict[str, Any]:
    """The body without such parameters. BadRequest when one of them asks for something."""
    for name, value in body.items():
        if name in table and not _is_neutral(value, table[name]):
            raise UnsupportedParameter(name)
    return {name: value for name, value in body.items() if name not in table}


def _is_neutral(value: object, values: tuple[object, ...]) -> bool:
    # 1 == True in Python, and "logprobs": 0 is not the same as false in OpenAI's completions.
    return any(value == one and _kind(value) is _kind(one) for one in values)


def _kind(value: object) -> type:
    return float if type(value) is int else type(value)
