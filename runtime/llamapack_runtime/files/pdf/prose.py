"""Mends what typesetting does to words: letters joined into one sign, shapes in place of letters,
words divided at the end of a line. Knows nothing of pages or places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Ligatures of Latin, shapes of Arabic and Hebrew letters, radicals and compatibility forms of Han:
# fonts give these signs where the text had the letters.
_SHAPES = re.compile("[\ufb00-\ufdff\ufe70-\ufefc\u2e80-\u2fdf\uf900-\ufaff]")
_DIVIDED = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,})([-\u2010])\n([^\W\d_]{2,})(?![^\W\d_])")
_SOFT_DIVIDED = re.compile("\u00ad[-\u2010]?\n")
# The dots that lead from a title to its page.
_LEADERS = re.compile(r"(?:[ \t]?[.\u00b7\u2026]){5,}")
_WORD = re.compile(r"[^\W\d_]{4,}(?:[-\u2010][^\W\d_]+)*")


def mended(pages: Sequence[str]) -> list[str]:
    """A word that is divided at a line's end is joined where the document has it in one piece
    elsewhere; its hyphen is kept where the document has it with one; else it is left alone."""
    shaped = [_LEADERS.sub(" \u2026", _SHAPES.sub(_letters, page)) for page in pages]
    if not any(_DIVIDED.search(page) for page in shaped):
        return [_SOFT_DIVIDED.sub("", page) for page in shaped]
    words = {word.lower() for page in shaped for word in _WORD.findall(page)}

    def join(found: re.Match[str]) -> str:
        before, hyphen, after = found.groups()
        if (before + after).lower() in words:
            return before + after + "\n"
        if f"{before}{hyphen}{after}".lower() in words:
            return f"{before}{hyphen}{after}\n"
        return found[0]

    return [_SOFT_DIVIDED.sub("", _DIVIDED.sub(join, page)) for page in shaped]


def _letters(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found[0])
