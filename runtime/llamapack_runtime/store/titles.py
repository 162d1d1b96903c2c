"""Titles of chats: those that users give, and those made from the first message. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_AUTOMATIC = 60
MAX_TITLE = 200

_LOOKED_AT = 2000  # characters; enough for a first line
# What starts a heading, a quotation or a list in Markdown, or a fence with its language.
_MARKUP = re.compile(r"(?:#{1,6}\s+|>\s*|[-*+]\s+|`{3,}\w*\s*|\d+[.)]\s+)*")
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # they would turn the list


def title_of(text: str) -> str:
    """The first line that says something, of at most 60 characters: cut at the end of a word, with
    an ellipsis. Empty when there is none."""
    for line in text[:_LOOKED_AT].splitlines():
        bare = clean(_MARKUP.sub("", line.strip(), count=1))
        if any(character.isalnum() for character in bare):
            return _shortened(bare, MAX_AUTOMATIC)
    return _shortened(clean(text[:_LOOKED_AT]), MAX_AUTOMATIC)


def clean(title: str) -> str:
    """On one line, without control characters, of at most 200 characters."""
    visible = _DIRECTIONS.sub("", title[:_LOOKED_AT])
    spaced = "".join(" " if unicodedata.category(one) == "Cc" else one for one in visible)
    return _shortened(" ".join(spaced.split()), MAX_TITLE)


def _shortened(line: str, limit: int) -> str:
    if len(line) <= limit:
        return line
    end = limit - 1
    while end > limit // 2 and _belongs_to_the_one_before(line, end):
        end -= 1
    space = line.rfind(" ", limit // 2, end + 1)
    if space > 0:
        end = space
    while unicodedata.category(line[end - 1])[0] in "PZ" and end > 1:
        end -= 1
    return line[:end] + "…"


def _belongs_to_the_one_before(line: str, index: int) -> bool:
    """A cut here would tear an accent or a joined emoji off."""
    one, before = line[index], line[index - 1]
    return bool(unicodedata.combining(one)) or one in _JOINERS or before == "\u200d"
