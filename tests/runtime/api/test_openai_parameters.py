"""From the names that clients know to what the engine gets."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from llamapack_runtime.api.body import to_struct
from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.parameters import Parameters
from llamapack_runtime.api.service import AnswerDefaults
from llamapack_runtime.api.translation import to_sampling, to_wish
from llamapack_runtime.api.wish import Wish
from llamapack_runtime.engine.sampling import DEFAULT_SAMPLERS, SamplingParams

DEFAULTS = AnswerDefaults(SamplingParams(temperature=0.3, seed=5), max_tokens=77)


def wish(**parameters: Any) -> Wish:
    return to_wish(to_struct(parameters, Parameters), DEFAULTS)


def sampling(**parameters: Any) -> SamplingParams:
    return wish(**parameters).sampling


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def test_nothing_asked_for_is_the_packs_default() -> None:
    assert wish() == Wish(DEFAULTS.sampling, 77)
    assert wish(**dict.fromkeys(Parameters.__struct_fields__)) == wish()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.5),
        ("top_k", 7),
        ("top_p", 0.9),
        ("min_p", 0.1),
        ("repeat_penalty", 1.1),
        ("repeat_last_n", 32),
        ("presence_penalty", 1.0),
        ("frequency_penalty", -1.0),
        ("seed", 7),
        ("typical_p", 0.7),
        ("top_n_sigma", 1.5),
        ("min_keep", 3),
        ("dry_multiplier", 0.8),
        ("dry_base", 1.5),
        ("dry_allowed_length", 3),
        ("dry_penalty_last_n", 128),
        ("dry_sequence_breakers", ["\n", "!"]),
        ("xtc_probability", 0.5),
        ("xtc_threshold", 0.2),
        ("mirostat", 2),
        ("mirostat_tau", 4.0),
        ("mirostat_eta", 0.2),
        ("dynatemp_range", 0.5),
        ("dynatemp_exponent", 2.0),
        ("adaptive_target", 0.5),
        ("adaptive_decay", 0.8),
        ("samplers", ["top_k", "temperature"]),
    ],
)
def test_each_sampler_reaches_the_engine(name: str, value: object) -> None:
    expected = tuple(value) if isinstance(value, list) else value
    assert getattr(sampling(**{name: value}), name) == expected


def test_every_field_of_the_engine_can_be_asked_for() -> None:
    assert {field.name for field in fields(SamplingParams)} <= set(Parameters.__struct_fields__)


@pytest.mark.parametrize(
    ("parameters", "field", "expected"),
    [
        ({"top_k": -1}, "top_k", 0),
        ({"repetition_penalty": 1.2}, "repeat_penalty", 1.2),
        ({"repetition_penalty": 1.2, "repeat_penalty": 1.2}, "repeat_penalty", 1.2),
        ({"seed": -1}, "seed", None),
        ({"seed": 2**32 + 9}, "seed", 9),
        ({"samplers": "kpt"}, "samplers", ("top_k", "top_p", "temperature")),
        ({"samplers": "edskypmxt"}, "samplers", DEFAULT_SAMPLERS),
        ({"samplers": ["Top-K", "nucleus", "typ", "temp"]}, "samplers",
         ("top_k", "top_p", "typ_p", "temperature")),
        ({"samplers": ["top_k", "infill"]}, "samplers", ("top_k", "infill")),
        ({"samplers": "ki"}, "samplers", ("top_k", "infill")),
        ({"samplers": []}, "samplers", ()),
        ({"logit_bias": {"7": 2, "8": False}}, "logit_bias", ((7, 2.0), (8, -math.inf))),
        ({"logit_bias": [[7, -1.5], ["8", False]]}, "logit_bias", ((7, -1.5), (8, -math.inf))),
    ],
)  # fmt: skip
def test_other_spellings_mean_the_same(
    parameters: dict[str, Any], field: str, expected: object
) -> None:
    assert getattr(sampling(**parameters), field) == expected


def test_the_bias_of_a_text_is_for_all_its_tokens() -> None:
    request = to_struct({"logit_bias": [["ab", -1]]}, Parameters)
    assert to_sampling(request, DEFAULTS, letters).logit_bias == ((97, -1.0), (98, -1.0))


@pytest.mark.parametrize(
    ("parameters", "field", "expected"),
    [
        ({"n": 3}, "n", 3),
        ({"n_cmpl": 3}, "n", 3),
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"n_predict": 5}, "max_tokens", 5),
        ({"n_predict": 5, "max_tokens": 6}, "max_tokens", 6),
        ({"max_completion_tokens": 0, "max_tokens": 6}, "max_tokens", 0),
        ({"max_tokens": -1}, "max_tokens", None),
        ({"stop": "a"}, "stop", ("a",)),
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({"priority": -3}, "priority", -3),
        ({"min_tokens": 4}, "min_tokens", 4),
        ({"ignore_eos": True}, "ignores_end", True),
        ({"include_stop_str_in_output": True}, "includes_stop", True),
        ({"stop_token_ids": [4, 4, 5]}, "stop_tokens", frozenset({4, 5})),
        ({"skip_special_tokens": False}, "shows_special", True),
        ({"skip_special_tokens": True}, "shows_special", False),
        ({"n_keep": 9}, "n_keep", 9),
        ({"n_keep": -1}, "n_keep", 2**31 - 1),
    ],
)
def test_the_rest_of_a_wish(parameters: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(wish(**parameters), field) == expected


@pytest.mark.parametrize(
    ("parameters", "param"),
    [
        ({"repetition_penalty": 1.2, "repeat_penalty": 1.1}, "repetition_penalty"),
        ({"samplers": "kq"}, "samplers"),
        ({"samplers": ["infil"]}, "samplers"),
        ({"samplers": "k" * 33}, "samplers"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"99999999999999": 1}}, "logit_bias"),
        ({"logit_bias": {"٣": 1}}, "logit_bias"),
        ({"logit_bias": {"7": True}}, "logit_bias"),
        ({"logit_bias": {"7": "big"}}, "logit_bias"),
        ({"logit_bias": {"7": 1e9}}, "logit_bias"),
        ({"logit_bias": [[7]]}, "logit_bias"),
        ({"logit_bias": [[True, 1]]}, "logit_bias"),
        ({"logit_bias": [[7, 1]] * 5000}, "logit_bias"),
        ({"stop": [""]}, "stop"),
        ({"repeat_last_n": 2**30}, "repeat_last_n"),
        ({"dry_sequence_breakers": []}, "dry_sequence_breakers"),
        ({"dry_sequence_breakers": [""]}, "dry_sequence_breakers[0]"),
        ({"mirostat": 3}, "mirostat"),
        ({"stop_token_ids": [-1]}, "stop_token_ids[0]"),
        ({"temperature": True}, "temperature"),
        ({"top_kk": 1}, "top_kk"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(parameters: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as error:
        wish(**parameters)
    assert error.value.param == param
