"""Lengths and places in texts as web pages count them: in UTF-16 code units. Pure."""

from __future__ import annotations

from llamapack_runtime.store.types import Excerpt


def length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def excerpt(found: Excerpt) -> Excerpt:
    """The same with marks that a page can use."""
    places = [0]
    for character in found.text:
        places.append(places[-1] + length(character))
    return Excerpt(found.text, tuple((places[start], places[end]) for start, end in found.marks))
