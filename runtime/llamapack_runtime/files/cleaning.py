"""Takes out of a text what nothing after it can carry: controls, halves of characters, empty
marks."""

from __future__ import annotations

import re

# The controls but tab and line feed; soft hyphens and marks without a width, which word processors
# leave behind (the joiners that scripts need stay); what is no character at all.
_NOTHING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_HALVES = re.compile("[\ud800-\udfff]")
_SPACES_BEFORE_END = re.compile(r"[^\S\n]+(?=\n|\Z)")
_EMPTY_LINES = re.compile("\n{3,}")


def cleaned(text: str) -> str:
    """With line feeds alone at the ends of lines, no empty lines at the ends of the text and one
    at most within it, and U+FFFD for halves of characters."""
    text = _NOTHING.sub("", _LINE_ENDS.sub("\n", text))
    text = _SPACES_BEFORE_END.sub("", _HALVES.sub("\ufffd", text))
    return _EMPTY_LINES.sub("\n\n", text).strip("\n")
