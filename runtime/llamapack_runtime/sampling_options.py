"""The options that say how tokens are chosen where a request does not: llama-server's.

Their fields are those of `engine.sampling.SamplingParams`, but for `temp`."""

from __future__ import annotations

import math
import re

from llamapack_runtime.engine.sampling import SAMPLER_NAMES, SamplerName
from llamapack_runtime.errors import UsageError
from llamapack_runtime.option import Kind, Option

_LAST_INT = 2**31 - 1
_MOST_LOOK_BACK = 2**20  # tokens: llama.cpp sets memory aside for each
_BIAS = re.compile(r"([0-9]{1,9})([+-](?:[0-9]{1,6}(?:\.[0-9]{1,9})?|inf))")


def _option(name: str, text: str, kind: Kind, low: float, high: float, *other_names: str) -> Option:
    placeholder = "N" if kind == "integer" else "X"
    return Option(name, text, kind, other_names, placeholder, low, high, group="Answers")


def _number(name: str, text: str, low: float, high: float, *other_names: str) -> Option:
    return _option(name, f"default {text}", "number", low, high, *other_names)


def _integer(name: str, text: str, low: float, high: float, *other_names: str) -> Option:
    return _option(name, f"default {text}", "integer", low, high, *other_names)


SAMPLING_OPTIONS = (
    _number(
        "temp",
        "temperature; 0 always takes the likeliest token (default: 0.8)",
        0,
        100,
        "--temperature",
    ),
    _integer("top-k", "top-k; 0 turns it off (default: 40)", 0, _LAST_INT),
    _number("top-p", "top-p; 1 turns it off (default: 0.95)", 0, 1),
    _number("min-p", "min-p; 0 turns it off (default: 0.05)", 0, 1),
    _integer("seed", "seed; -1 draws one for each answer (default: -1)", -1, 2**32 - 1, "-s"),
    _number("typical-p", "typical p; 1 turns it off (default: 1)", 0, 1, "--typical"),
    _number("top-n-sigma", "top n sigma; -1 turns it off (default: -1)", -1, 1000, "--top-nsigma"),
    _number("repeat-penalty", "penalty for repetition; 1: none (default: 1)", 0.001, 1000),
    _integer(
        "repeat-last-n", "reach of the penalties, in tokens (default: 64)", 0, _MOST_LOOK_BACK
    ),
    _number("presence-penalty", "penalty for words that are there (default: 0)", -2, 2),
    _number("frequency-penalty", "penalty for each time a word is there (default: 0)", -2, 2),
    _number("dry-multiplier", "strength of DRY; 0 turns it off (default: 0)", 0, 100),
    _number("dry-base", "base of DRY (default: 1.75)", 1, 100),
    _integer("dry-allowed-length", "length that DRY lets repeat (default: 2)", 0, _MOST_LOOK_BACK),
    _integer("dry-penalty-last-n", "reach of DRY, in tokens (default: 64)", 0, _MOST_LOOK_BACK),
    _number("xtc-probability", "probability of XTC; 0 turns it off (default: 0)", 0, 1),
    _number("xtc-threshold", "threshold of XTC (default: 0.1)", 0, 1),
    _integer("mirostat", "mirostat: 0 is off, else version 1 or 2 (default: 0)", 0, 2),
    _number("mirostat-tau", "entropy of mirostat (default: 5)", 0, 100, "--mirostat-ent"),
    _number("mirostat-eta", "learning rate of mirostat (default: 0.1)", 0, 100, "--mirostat-lr"),
    _number("dynatemp-range", "range of the temperature (default: 0)", 0, 100),
    _number(
        "dynatemp-exponent",
        "exponent of the temperature's range (default: 1)",
        0,
        100,
        "--dynatemp-exp",
    ),
    _number("adaptive-target", "target of adaptive p; -1 turns it off (default: -1)", -1, 1),
    _number("adaptive-decay", "decay of adaptive p (default: 0.9)", 0, 0.99),
    Option(
        "samplers",
        "the samplers in their order, with ; between them (default: all but adaptive_p and infill)",
        placeholder="NAMES",
        group="Answers",
    ),
    Option(
        "logit-bias",
        "raise or lower a token's logit: TOKEN+BIAS or TOKEN-BIAS; several: with commas, or again",
        other_names=("-l",),
        placeholder="BIAS",
        is_list=True,
        group="Answers",
    ),
)


def parse_samplers(text: str | None) -> tuple[SamplerName, ...] | None:
    """UsageError that names the one that there is not."""
    if text is None:
        return None
    names = [name.strip().replace("-", "_") for name in text.split(";")]
    return tuple(_sampler(name) for name in names)


def parse_logit_biases(texts: tuple[str, ...]) -> tuple[tuple[int, float], ...]:
    """Pairs of a token and what is added to its logit. UsageError that names the wrong one."""
    found = []
    for text in texts:
        match = _BIAS.fullmatch(text)
        if match is None or match[2] == "+inf":
            raise UsageError(f"--logit-bias must be such as 15043+1 or 15043-inf, not '{text}'.")
        bias = -math.inf if match[2] == "-inf" else float(match[2])
        found.append((int(match[1]), bias))
    return tuple(found)


def _sampler(name: str) -> SamplerName:
    for known in SAMPLER_NAMES:
        if name == known:
            return known
    raise UsageError(f"--samplers has no sampler '{name}'; there are {', '.join(SAMPLER_NAMES)}.")
