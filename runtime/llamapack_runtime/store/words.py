"""Words of any language, for the full-text index: how a text is indexed, how a query is asked, and
where its words are in a text. Pure.

SQLite's tokenizer `unicode61` cuts at spaces and punctuation and drops accents. Scripts without
spaces between words (Chinese, Japanese, Thai …) are indexed character by character, Korean too,
for its particles; a word of them in a query is a phrase of characters."""

from __future__ import annotations

import re
import unicodedata

from llamapack_runtime.store.types import Excerpt

MAX_QUERY = 200  # characters
_EXCERPT = 160  # characters
_BEFORE = 40  # of them, before the first mark
_SHORTEST_START = 2  # letters; fewer are the start of nearly every text

_UNSPACED_RANGES = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff"
    "\u3105-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_UNSPACED_RANGES}]+")
_WORD = re.compile(r"[^\W_]+")
_LETTER = rf"[^\W_{_UNSPACED_RANGES}]"  # of a word of several letters
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_ACCENTS = "[\u0300-\u036f]*"


def indexed(text: str) -> str:
    """The text as it goes to the tokenizer. The same text always gives the same."""
    if text.isascii():
        return text.replace("\0", " ")
    plain = unicodedata.normalize("NFKC", text).replace("\0", " ")
    return _UNSPACED.sub(lambda run: f" {' '.join(run[0])} ", plain)


def match_of(query: str) -> str | None:
    """SQLite's MATCH expression for whatever somebody typed, None when there is no word in it. All
    words must be there, the last one perhaps only begun."""
    phrases = _phrases(query)
    if not phrases:
        return None
    quoted = [f'"{" ".join(phrase)}"' for phrase in phrases]
    return " AND ".join(quoted) + (" *" if _is_start(phrases[-1]) else "")


def excerpt_of(text: str, query: str) -> Excerpt:
    """Where the query's words are in the text; its beginning, without marks, when they are not."""
    folded = text.lower() if text.isascii() else text.translate(_FOLDED)
    if len(folded) != len(text):
        folded = text  # not one for one: marks would be in the wrong place
    phrases = _phrases(query)
    patterns = [_pattern(one, is_last=one is phrases[-1]) for one in phrases]
    found = [match.start() for one in patterns if (match := one.search(folded))]
    start, end = _window(text, min(found, default=0))
    marks = [
        (max(match.start(), start) - start, min(match.end(), end) - start)
        for one in patterns
        for match in one.finditer(folded, start, end)
    ]
    opening, closing = "…" if start else "", "…" if end < len(text) else ""
    line = _CONTROLS.sub(" ", text[start:end])
    return Excerpt(opening + line + closing, _joined(marks, len(opening)))


class _Folding(dict[int, str]):
    """Each character in small letters and without its accent, one for one."""

    def __missing__(self, code: int) -> str:
        one = chr(code)
        base = unicodedata.normalize("NFKD", one)[0].lower()
        self[code] = base if len(base) == 1 else one
        return self[code]


_FOLDED = _Folding()  # a table of Unicode, filled where it is needed


def tokens_of(text: str) -> list[str]:
    """As the index has them, but for their case and accents."""
    return _WORD.findall(indexed(text))


def is_unspaced(token: str) -> bool:
    """Whether it is a character of a script without spaces between words."""
    return _UNSPACED.match(token) is not None


def _phrases(query: str) -> list[list[str]]:
    """What stands between spaces, each in the tokens that the index has."""
    chunks = query[:MAX_QUERY].replace("\0", " ").split()
    return [words for chunk in chunks if (words := tokens_of(chunk))]


def _is_start(phrase: list[str]) -> bool:
    return len(phrase[-1]) >= _SHORTEST_START and not is_unspaced(phrase[-1])


def _pattern(phrase: list[str], *, is_last: bool) -> re.Pattern[str]:
    words = [_ACCENTS.join(re.escape(one) for one in word.translate(_FOLDED)) for word in phrase]
    before = "" if is_unspaced(phrase[0]) else f"(?<!{_LETTER})"
    is_open = is_unspaced(phrase[-1]) or (is_last and _is_start(phrase))
    return re.compile(before + r"[\W_]*".join(words) + ("" if is_open else f"(?!{_LETTER})"))


def _window(text: str, found: int) -> tuple[int, int]:
    start = max(0, min(found - _BEFORE, len(text) - _EXCERPT))
    if start > 0:
        space = text.find(" ", start, found)
        start = start if space < 0 else space + 1
    return start, min(len(text), start + _EXCERPT)


def _joined(marks: list[tuple[int, int]], shift: int) -> tuple[tuple[int, int], ...]:
    """In order, and those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple((start + shift, end + shift) for start, end in joined)
