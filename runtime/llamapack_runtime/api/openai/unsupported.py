"""Parameters that exist elsewhere and cannot be honoured here: a 400 that names them.

Each is listed with the values that ask for nothing, which clients send by habit: those pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llamapack_runtime.api.errors import BadRequest

_NOTHING: tuple[object, ...] = (None,)
_OFF = (None, False)
_EMPTY: tuple[object, ...] = (None, [], {}, "")
_ZERO = (None, 0)
_ONE = (None, 1)
_MINUS_ONE = (None, -1)
_EITHER = (None, True, False)

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    # OpenAI
    "best_of": _ONE,
    "echo": _OFF,
    "suffix": _EMPTY,
    "logprobs": _OFF,
    "top_logprobs": _ZERO,
    "logit_bias": _EMPTY,
    "response_format": (None, {"type": "text"}),
    "tools": _EMPTY,
    "tool_choice": (None, "none", "auto"),
    "parallel_tool_calls": _EITHER,
    "functions": _EMPTY,
    "function_call": (None, "none", "auto"),
    "modalities": (None, ["text"]),
    "audio": _NOTHING,
    "prediction": _NOTHING,
    "reasoning_effort": _NOTHING,
    "verbosity": _NOTHING,
    "web_search_options": _NOTHING,
    # llama.cpp
    "typical_p": (None, 1),
    "top_n_sigma": _MINUS_ONE,
    "dry_multiplier": _ZERO,
    "xtc_probability": _ZERO,
    "mirostat": _ZERO,
    "dynatemp_range": _ZERO,
    "samplers": _NOTHING,
    "grammar": _EMPTY,
    "json_schema": _NOTHING,
    "ignore_eos": _OFF,
    "n_keep": _ZERO,
    "n_probs": _ZERO,
    "min_keep": _ZERO,
    "cache_prompt": _EITHER,  # only ever saves time
    "id_slot": _MINUS_ONE,
    "lora": _EMPTY,
    "timings_per_token": _OFF,
    "return_progress": _OFF,
    "return_tokens": _OFF,
    "post_sampling_probs": _OFF,
    "chat_template_kwargs": _EMPTY,
    "reasoning_format": (None, "none", "auto"),
    # vLLM, SGLang, TGI
    "repetition_penalty": _ONE,
    "min_tokens": _ZERO,
    "stop_token_ids": _EMPTY,
    "include_stop_str_in_output": _OFF,
    "skip_special_tokens": (None, True),
    "guided_json": _NOTHING,
    "guided_regex": _NOTHING,
    "guided_choice": _NOTHING,
    "guided_grammar": _NOTHING,
    "structured_outputs": _NOTHING,
    "regex": _NOTHING,
    "ebnf": _NOTHING,
    "truncate_prompt_tokens": _NOTHING,
}


def without_unsupported(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without such parameters. BadRequest when one of them asks for something."""
    for name, value in body.items():
        if name in NEUTRAL and not _is_neutral(name, value):
            raise BadRequest(
                f"The parameter '{name}' is not supported by this program; leave it out.",
                name,
                "unsupported_parameter",
            )
    return {name: value for name, value in body.items() if name not in NEUTRAL}


def _is_neutral(name: str, value: object) -> bool:
    # 1 == True in Python, and "logprobs": 0 is not the same as false in OpenAI's completions.
    return any(value == one and _kind(value) is _kind(one) for one in NEUTRAL[name])


def _kind(value: object) -> type:
    return float if type(value) is int else type(value)
