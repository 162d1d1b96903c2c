"""The options that say how tokens are chosen, from the command line to the engine."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.errors import UsageError
from llamapack_runtime.launch.defaults import default_sampling
from llamapack_runtime.launch.usage import help_text
from llamapack_runtime.options import ALWAYS_SO
from llamapack_runtime.sampling_options import SAMPLING_OPTIONS
from llamapack_runtime.settings import Settings, read_settings


def sampling(*arguments: str, packed: dict[str, Any] | None = None) -> SamplingParams:
    return default_sampling(read_settings(packed or {}, {}, arguments))


def test_without_options_it_is_llama_cpps_default() -> None:
    assert default_sampling(Settings()) == SamplingParams()


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--temperature", "0"], "temperature", 0.0),
        (["--top-k", "7"], "top_k", 7),
        (["-s", "5"], "seed", 5),
        (["--seed", "-1"], "seed", None),
        (["--typical", "0.5"], "typical_p", 0.5),
        (["--typical-p", "0.5"], "typical_p", 0.5),
        (["--top-nsigma", "1.5"], "top_n_sigma", 1.5),
        (["--repeat-penalty", "1.1"], "repeat_penalty", 1.1),
        (["--repeat-last-n", "0"], "repeat_last_n", 0),
        (["--presence-penalty", "-0.5"], "presence_penalty", -0.5),
        (["--frequency-penalty", "0.5"], "frequency_penalty", 0.5),
        (["--dry-multiplier", "0.8"], "dry_multiplier", 0.8),
        (["--dry-base", "2"], "dry_base", 2.0),
        (["--dry-allowed-length", "3"], "dry_allowed_length", 3),
        (["--dry-penalty-last-n", "100"], "dry_penalty_last_n", 100),
        (["--xtc-probability", "0.5"], "xtc_probability", 0.5),
        (["--xtc-threshold", "0.2"], "xtc_threshold", 0.2),
        (["--mirostat", "2"], "mirostat", 2),
        (["--mirostat-ent", "4"], "mirostat_tau", 4.0),
        (["--mirostat-lr", "0.2"], "mirostat_eta", 0.2),
        (["--dynatemp-range", "0.5"], "dynatemp_range", 0.5),
        (["--dynatemp-exp", "2"], "dynatemp_exponent", 2.0),
        (["--adaptive-target", "0.5"], "adaptive_target", 0.5),
        (["--adaptive-decay", "0.5"], "adaptive_decay", 0.5),
        (["--samplers", "top-k;temperature"], "samplers", ("top_k", "temperature")),
        (["--samplers", "top_k;infill"], "samplers", ("top_k", "infill")),
        (["-l", "5+1.5,6-2", "-l", "7-inf"], "logit_bias", ((5, 1.5), (6, -2.0), (7, -math.inf))),
    ],
)
def test_llama_servers_names_reach_the_engine(
    arguments: list[str], field: str, value: object
) -> None:
    found = sampling(*arguments)
    assert getattr(found, field) == value
    assert found.problem is None


def test_a_pack_sets_them_too() -> None:
    packed = {"typical-p": 0.5, "samplers": "min_p", "logit-bias": ["5+1"], "mirostat": 1}
    found = sampling(packed=packed)
    assert (found.typical_p, found.samplers, found.mirostat) == (0.5, ("min_p",), 1)
    assert found.logit_bias == ((5, 1.0),)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samplers", "top_k;magic"], "no sampler 'magic'; there are penalties, dry"),
        (["--logit-bias", "hello+1"], "such as 15043+1 or 15043-inf, not 'hello+1'"),
        (["--logit-bias", "5"], "not '5'"),
        (["--logit-bias", "5+inf"], "not '5+inf'"),
        (["--mirostat", "3"], "from 0 to 2"),
        (["--xtc-probability", "2"], "from 0 to 1"),
        (["--repeat-penalty", "0"], "from 0.001 to 1000"),
        (["--dry-base", "inf"], "from 1 to 100"),
    ],
)
def test_a_wrong_value_is_a_sentence(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=r"\.$") as caught:
        sampling(*arguments)
    assert words in str(caught.value)


def test_every_sampler_has_its_option() -> None:
    """Two have none: commas and line ends are hard to type."""
    named = {option.field for option in SAMPLING_OPTIONS} - {"temp"} | {"temperature"}
    assert {field.name for field in fields(SamplingParams)} - named == {
        "min_keep",
        "dry_sequence_breakers",
    }


def test_what_is_always_so_is_accepted() -> None:
    assert read_settings({}, {}, [*ALWAYS_SO, "--port", "3"]).port == 3
    assert all(switch in help_text("llamapack") for switch in ALWAYS_SO)
