"""Cuts a long text into passages that can be looked up: at the ends of paragraphs where there are
any, else of lines, sentences, words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llamapack_runtime.files.types import PAGE_BREAK

# In bytes of UTF-8: four of them are about a token, in most scripts. So 250 tokens, and the most.
USUAL_BYTES = 1000
MOST_BYTES = 1200

_ENDS = (
    re.compile(r"\n[ \t\r]*\n\s*"),  # of paragraphs
    re.compile(r"\n\s*"),  # of lines
    re.compile("(?<=[.!?…])\\s+|(?<=[\u3002\uff01\uff1f\uff1b])"),  # of sentences, Chinese ones too
    re.compile(r"\s+"),  # of words
)
_HEADING = re.compile(r"#{1,6} ")  # of Markdown

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """The characters [start, end) of a text. `page` counts from 1, None where there are no
    pages."""

    start: int
    end: int
    page: int | None = None


def cut(
    text: str, *, has_pages: bool, usual: int = USUAL_BYTES, most: int = MOST_BYTES
) -> list[Passage]:
    """All that the text says, in order, in passages of about `usual` and never over `most` bytes.
    None spans two pages; those end with form feeds."""
    passages = []
    for number, (start, end) in enumerate(_pages(text, has_pages=has_pages), 1):
        places = _joined(text, _pieces(text, start, end, most), usual)
        page = number if has_pages else None
        passages += [Passage(*place, page) for place in _with_its_rest(text, places, usual, most)]
    return passages


def _pages(text: str, *, has_pages: bool) -> Iterator[Place]:
    start = 0
    while has_pages and (end := text.find(PAGE_BREAK, start)) >= 0:
        yield start, end
        start = end + 1
    yield start, len(text)


def _pieces(text: str, start: int, end: int, most: int, level: int = 0) -> Iterator[Place]:
    """Paragraphs, and what those that are too long consist of."""
    if level and _size(text[start:end]) <= most:
        yield start, end
    elif level == len(_ENDS):
        step = most // 4  # no character has more bytes
        yield from ((place, min(end, place + step)) for place in range(start, end, step))
    else:
        for place in _parts(text, start, end, _ENDS[level]):
            yield from _pieces(text, *place, most, level + 1)


def _parts(text: str, start: int, end: int, ends: re.Pattern[str]) -> Iterator[Place]:
    """What stands between the matches, and is more than space."""
    for match in ends.finditer(text, start, end):
        if text[start : match.start()].strip():
            yield start, match.start()
        start = match.end()
    if text[start:end].strip():
        yield start, end


def _joined(text: str, pieces: Iterable[Place], usual: int) -> list[Place]:
    """Neighbours until there is enough. A heading begins a passage, unless the one before it were
    too short then."""
    passages: list[Place] = []
    size = 0
    for start, end in pieces:
        longer = size + _size(text[passages[-1][1] if passages else start : end])
        is_new = longer > usual or (size > usual // 3 and _HEADING.match(text, start, end))
        if passages and not is_new:
            passages[-1], size = (passages[-1][0], end), longer
        else:
            passages.append((start, end))
            size = _size(text[start:end])
    return passages


def _with_its_rest(text: str, passages: list[Place], usual: int, most: int) -> list[Place]:
    """A short last passage belongs to the one before it."""
    if len(passages) > 1 and _size(text[slice(*passages[-1])]) < usual // 4:
        whole = passages[-2][0], passages[-1][1]
        if _size(text[slice(*whole)]) <= most:
            return [*passages[:-2], whole]
    return passages


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
