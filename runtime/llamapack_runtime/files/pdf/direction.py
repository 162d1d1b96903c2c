"""Puts the characters of a line from the order in which they stand into the order in which they
are read, for scripts that run from right to left. Turns around what Unicode's bidirectional
algorithm (UAX #9) does for display, with its main rules alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from llamapack_runtime.files.pdf.pieces import Meant

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MIRRORED = str.maketrans("()[]{}<>\u00ab\u00bb\u2039\u203a", ")(][}{><\u00bb\u00ab\u203a\u2039")
_KINDS = {"R": ">", "AL": ">", "L": "<", "EN": "<", "AN": "<", "ET": "%"}


def has_right_to_left(text: str) -> bool:
    return _RIGHT_TO_LEFT.search(text) is not None


def runs_right_to_left(units: Iterable[str]) -> bool:
    """Whether more letters do than do not. Numbers say nothing."""
    balance = 0
    for unit in units:
        bidirectional = unicodedata.bidirectional(unit[:1] or " ")
        balance += (bidirectional in ("R", "AL")) - (bidirectional == "L")
    return balance > 0


def reading_order(units: Sequence[str], is_right: bool) -> str:
    """`units` stand from left to right, in a line that runs as `is_right` says. A unit of several
    characters is in reading order already."""
    resolved = _resolve(_with_signs([_kind(unit) for unit in units]), ">" if is_right else "<")
    pieces: list[str] = []
    for start, end in _stretches(resolved):
        stretch = list(units[start:end])
        if resolved[start] == ">":
            stretch = [_turned(unit) for unit in reversed(stretch)]
        pieces.append("".join(stretch))
    return "".join(reversed(pieces) if is_right else pieces)


def _kind(unit: str) -> str:
    """Of characters from right to left ">", from left to right "<", of signs that stand with a
    number "%", of those that follow their neighbours a space."""
    for character in unit:
        kind = _KINDS.get(unicodedata.bidirectional(character))
        if kind is not None:
            return kind
    return " "


def _with_signs(kinds: list[str]) -> list[str]:
    """Signs of currency and percent belong to a number that they touch."""
    for at, kind in enumerate(kinds):
        if kind == "%":
            beside = (*kinds[max(0, at - 1) : at], *kinds[at + 1 : at + 2])
            kinds[at] = "<" if "<" in beside else " "
    return kinds


def _resolve(kinds: Sequence[str], base: str) -> list[str]:
    """Neutral ones follow both neighbours where they agree, else the line."""
    resolved = list(kinds)
    position = 0
    while position < len(kinds):
        if kinds[position] != " ":
            position += 1
            continue
        end = position
        while end < len(kinds) and kinds[end] == " ":
            end += 1
        before = kinds[position - 1] if position else base
        after = kinds[end] if end < len(kinds) else base
        resolved[position:end] = [before if before == after else base] * (end - position)
        position = end
    return resolved


def _stretches(kinds: Sequence[str]) -> list[tuple[int, int]]:
    """Where each stretch of one kind begins and ends."""
    edges = [at for at in range(1, len(kinds)) if kinds[at] != kinds[at - 1]]
    return list(zip([0, *edges], [*edges, len(kinds)], strict=True)) if kinds else []


def _turned(unit: str) -> str:
    """A bracket stands mirrored where text runs from right to left."""
    return unit if isinstance(unit, Meant) else unit.translate(_MIRRORED)
