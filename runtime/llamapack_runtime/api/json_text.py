"""Parses JSON from outside within bounds, before any of it becomes an object. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import msgspec

from llamapack_runtime.api.errors import BadRequest

MAX_DEPTH = 64
MAX_CONTAINERS = 200_000  # arrays and objects: an empty one takes 60 bytes, its text two
MAX_ITEMS = 2_000_000
MAX_QUOTES = 2_000_000

# What is searched at once: nothing else runs in the process meanwhile.
_SPAN_BYTES = 128 * 1024

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_WHOLE_STRINGS = re.compile(rb'[^"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"]*+)*+', re.DOTALL)
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def parse(text: bytes | bytearray) -> Any:
    """BadRequest that says what is wrong. Of a key that comes twice, the last value counts."""
    _check_bounds(text)
    try:
        return msgspec.json.decode(text)
    except UnicodeDecodeError:
        raise _invalid("The body is not valid JSON: it is not UTF-8 text.") from None
    except msgspec.DecodeError as error:
        raise _invalid(f"The body is not valid JSON: {error}.") from None


def _check_bounds(text: bytes | bytearray) -> None:
    """16 MiB of the worst that passes take half a second, an ordinary request a microsecond for
    each KB. Other threads have their turns meanwhile."""
    if text.count(b'"') > MAX_QUOTES:
        raise _invalid(f"The body's JSON has more than {MAX_QUOTES} quotation marks.")
    brackets, n_commas = bytearray(), 0
    for part in _outside_strings(text):
        brackets += part.translate(None, _OTHERS)
        n_commas += part.count(b",")
    if len(brackets) > 2 * MAX_CONTAINERS:
        raise _invalid(f"The body's JSON has more than {MAX_CONTAINERS} arrays and objects.")
    if n_commas > MAX_ITEMS:
        raise _invalid(f"The body's JSON has more than {MAX_ITEMS} values.")
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise _invalid(f"The body's JSON is nested more than {MAX_DEPTH} levels deep.")


def _outside_strings(text: bytes | bytearray) -> Iterator[bytes | bytearray]:
    """What is not within quotation marks, in parts. A string that is cut off ends the text."""
    start = 0
    while start < len(text):
        whole = _WHOLE_STRINGS.match(text, start, start + _SPAN_BYTES)
        assert whole is not None, "it matches nothing, too"
        if whole.end() == start:  # at a string that is longer than what is searched, or cut off
            start = _end_of_string(text, start)
        else:
            yield _STRING.sub(b"", text[start : whole.end()])
            start = whole.end()


def _end_of_string(text: bytes | bytearray, start: int) -> int:
    """Behind the quotation mark that ends the one at `start`."""
    position = start + 1
    while position < len(text):
        if text[position] == ord('"'):
            return position + 1
        inside = _INSIDE.match(text, position, position + _SPAN_BYTES)
        assert inside is not None, "it matches nothing, too"
        if inside.end() == position:  # at the last backslash of a text that is cut off
            break
        position = inside.end()
    return len(text)


def _invalid(message: str) -> BadRequest:
    return BadRequest(message, code="invalid_json")
