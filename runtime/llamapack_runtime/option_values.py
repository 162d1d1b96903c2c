"""Values of options, from text or JSON, checked against the option's declaration. UsageError names
`source`, where the value came from."""

from __future__ import annotations

import math
from dataclasses import replace

from llamapack_runtime.errors import UsageError
from llamapack_runtime.option import Kind, Option, Value


def from_text(option: Option, text: str, source: str) -> Value:
    """As the command line and the environment have it. Not for switches."""
    if option.is_list and option.has_commas:
        return (str(_checked(option, text, source)),)
    if option.is_list:
        return tuple(str(_checked(option, part.strip(), source)) for part in text.split(","))
    if option.kind == "text":
        return _checked(option, text, source)
    try:
        number = int(text) if option.kind == "integer" else float(text)
    except ValueError:
        raise UsageError(f"{source} must be {expected(option)}, not '{text:.80}'.") from None
    return _checked(option, number, source)


def from_json(option: Option, value: object, source: str) -> Value:
    """As a pack's manifest has it; of a list also a single item."""
    kinds: dict[Kind, tuple[type, ...]] = {
        "text": (str,),
        "integer": (int,),
        "number": (int, float),
        "switch": (bool,),
    }
    if option.is_list and isinstance(value, list):
        return tuple(str(from_json(replace(option, is_list=False), one, source)) for one in value)
    is_right = isinstance(value, kinds[option.kind])
    if not is_right or (isinstance(value, bool) and option.kind != "switch"):
        raise UsageError(f"{source} must be {expected(option)}, not {value!r:.80}.")
    assert isinstance(value, str | int | float)
    checked = _checked(option, value, source)
    return (str(checked),) if option.is_list else checked


def _checked(option: Option, value: Value, source: str) -> Value:
    if isinstance(value, str):
        is_right = value in option.choices if option.choices else value != "" and "\0" not in value
    else:
        assert not isinstance(value, tuple), "each item of a list is checked alone"
        is_right = option.low <= value <= option.high
    if not is_right:
        raise UsageError(f"{source} must be {expected(option)}, not '{value!s:.80}'.")
    return value


def expected(option: Option) -> str:
    """What it takes, where a sentence says "must be": "a number from 0 to 1"."""
    if option.choices:
        return "one of " + ", ".join(option.choices)
    if option.kind == "text":
        return "a text that is not empty"
    if option.kind == "switch":
        return "true or false"
    noun = "a whole number" if option.kind == "integer" else "a number"
    if option.high in (math.inf, 2**31 - 1):
        return f"{noun} of {option.low:g} or more"
    return f"{noun} from {option.low:g} to {option.high:.10g}"
