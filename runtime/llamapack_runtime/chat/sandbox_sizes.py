"""How much text or work a template's operation makes, known before it runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jinja2.exceptions import SecurityError

MAX_CHARACTERS = 32_000_000
MAX_WIDTH = 10_000
MAX_INTEGER_BITS = 4096
MAX_COMPARISONS = 1_000_000_000

# No abstract classes: they answer slowly, once for each part of a list.
_VIEWS: tuple[type[Any], ...] = (type({}.items()), type({}.keys()), type({}.values()))
CONTAINERS: tuple[type[Any], ...] = (list, tuple, dict, set, frozenset, *_VIEWS)
# What memory the parts of containers take, beside their own characters.
_LIST_BYTES, _DICT_BYTES, _WORD_BYTES = 8, 96, 32
_PADDING = {"center", "ljust", "rjust", "zfill"}
# Python looks for these from the end, or for each of some letters, in a time that grows with the
# product of both lengths.
_BACKWARD = {"rfind", "rindex", "rpartition", "rsplit", "lstrip", "rstrip", "strip"}
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# A width of four digits or more, or one taken from the arguments.
_WIDE_PERCENT = re.compile(r"%[^%a-zA-Z]*(\d{4}|\*)")
_PERCENT_WIDTH = re.compile(r"%[^%a-zA-Z]*\d")
_WIDE_FORMAT = re.compile(r"\{[^}]*(\d{4}|\{)")


def refuse_above(size: int) -> None:
    if size > MAX_CHARACTERS:
        raise SecurityError("the template makes a text that is too long")


def refuse_wide(*arguments: Any) -> None:
    if any(isinstance(argument, int) and abs(argument) > MAX_WIDTH for argument in arguments):
        raise SecurityError(f"the template asks for a width of more than {MAX_WIDTH}")


def refuse_wide_format(text: str) -> None:
    if _WIDE_FORMAT.search(text):
        raise SecurityError("the template formats with a width that is too large")


def refuse_slow(text: str, sought: Any) -> None:
    if isinstance(sought, str) and len(text) * len(sought) > MAX_COMPARISONS:
        raise SecurityError("the template searches too long a text")


def size(value: Any) -> int:
    """Of what an operation has just made, whose parts were there before. SecurityError for a
    number that is too large."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, (list, tuple)):
        return _LIST_BYTES * len(value)
    if isinstance(value, dict):
        return _DICT_BYTES * len(value)
    if isinstance(value, int):
        refuse_large(value)
    return 0


def refuse_large(*numbers: int) -> None:
    if any(number.bit_length() > MAX_INTEGER_BITS for number in numbers):
        raise SecurityError("the template computes with numbers that are too large")


def weight(value: Any) -> int:
    """About the characters of `str(value)`, which walks through all parts: lists that hold the
    same list twice are short to write and endless to read. Linear in the distinct parts."""
    if isinstance(value, str):
        return len(value)
    return _weight(value, {}) if isinstance(value, CONTAINERS) else 0


def part_weight(*values: Any) -> int:
    """As `weight`, of the containers among `values`: texts are only passed on."""
    return sum(_weight(value, {}) for value in values if isinstance(value, CONTAINERS))


def _weight(value: Any, known: dict[int, int]) -> int:
    if isinstance(value, str):
        return len(value) + 1
    if not isinstance(value, CONTAINERS):
        return 1
    if id(value) not in known:
        known[id(value)] = 1 + sum(_weight(part, known) for part in _parts(value))
    return known[id(value)]


def indentation(value: Any, margin: int) -> int:
    """At most so many characters are before the lines of a JSON with a line for each part."""
    n_parts, depth = _shape(value, {})
    return n_parts * depth * margin


def _shape(value: Any, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """All parts within each other, and how deep these are."""
    if not isinstance(value, CONTAINERS):
        return 1, 0
    if id(value) not in known:
        shapes = [_shape(part, known) for part in _parts(value)]
        depth = max((depth for _, depth in shapes), default=0)
        known[id(value)] = 2 + sum(count for count, _ in shapes), 1 + depth
    return known[id(value)]


def _parts(value: Any) -> Iterator[Any]:
    """Only what lives as long as `value`: an identity is known by its address."""
    mapping = value if isinstance(value, dict) else getattr(value, "mapping", None)
    if mapping is None:
        yield from value
    else:
        yield from mapping.keys()
        yield from mapping.values()


def method_size(owner: str, name: str, arguments: tuple[Any, ...]) -> int:
    """Of the result of a string's method."""
    first = arguments[0] if arguments else None
    if name in _PADDING:
        refuse_wide(*arguments)
    if name in _BACKWARD:
        refuse_slow(owner, first)
    match name:
        case "replace" if len(arguments) >= 2:
            return replaced_size(owner, str(first), str(arguments[1]))
        case "join" if isinstance(first, (str, list, tuple, dict)):
            return sum(len(owner) + len(part) for part in first if isinstance(part, str))
        case "expandtabs":
            width = first if isinstance(first, int) else 8
            return len(owner) + owner.count("\t") * max(width, 0)
        case "partition" | "rpartition":
            return len(owner)
        case "split" | "rsplit":
            return len(owner) + _pieces(owner, *arguments[:2]) * _WORD_BYTES
        case "splitlines":
            return split_lines(owner)
    return 0


def split_lines(text: str, margin: int = 0) -> int:
    """Of its lines, with a margin before each."""
    n_lines = sum(map(text.count, _LINE_ENDS))
    return len(text) + (n_lines + 2) * (margin + _WORD_BYTES)


def _pieces(text: str, separator: Any = None, most: Any = -1) -> int:
    is_text = isinstance(separator, str) and separator
    pieces = text.count(separator) if is_text else len(text) // 2
    return min(pieces, most) if isinstance(most, int) and most >= 0 else pieces


def replaced_size(text: str, old: str, new: str) -> int:
    return len(text) + (text.count(old) if old else len(text) + 1) * len(new)


def operator_size(operator: str, left: Any, right: Any) -> int:
    """Of `left operator right`. SecurityError for numbers that are too large."""
    if operator == "+":
        return size(left) + size(right)
    if operator == "%" and isinstance(left, str):
        if _WIDE_PERCENT.search(left):
            raise SecurityError("the template formats with a width that is too large")
        width = 1000 if _PERCENT_WIDTH.search(left) else 0
        return len(left) + left.count("%") * (weight(right) + width)
    if isinstance(left, int) and isinstance(right, int):
        _refuse_large(left, right, operator)
        return 0
    for many, times in ((left, right), (right, left)):
        if isinstance(times, int) and not isinstance(many, (int, float)):
            return size(many) * max(times, 0)
    return 0


def _refuse_large(left: int, right: int, operator: str) -> None:
    refuse_large(left, right)
    if operator == "**" and left.bit_length() * abs(right) > MAX_INTEGER_BITS:
        raise SecurityError("the template computes with numbers that are too large")
