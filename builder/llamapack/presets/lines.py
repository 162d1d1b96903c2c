"""On which line of a TOML document each value stands, which the standard library's reader does not
say. The document must be one that the reader has taken; knows nothing of what it means."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect

Place = tuple[str | int, ...]

_BLANK = re.compile(r"(?:\s+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\n]+")


def lines_of(text: str) -> dict[Place, int]:
    """Lines, counted from 1, by place: ("sampling", "temp"), ("prompts", 0). A table's line is that
    of its heading, or of the first key that makes it. `text` has line feeds alone."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Place, int] = {}
        self._last: dict[Place, int] = {}  # the index of the last table of an array of tables

    def run(self) -> dict[Place, int]:
        table: Place = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._heading()
            else:
                self._pair(table)
        return self._lines

    def _heading(self) -> Place:
        """`[a.b]` or `[[a.b]]`."""
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        *parents, name = self._key()
        place = (*self._within(parents), name)
        if is_array:
            self._last[place] = self._last.get(place, -1) + 1
            self._note(place)
            place = (*place, self._last[place])
        self._note(place)
        self._at = self._text.index("]", self._at) + (2 if is_array else 1)
        return place

    def _within(self, keys: list[str]) -> Place:
        """The table of that name; of an array of tables, the last."""
        place: Place = ()
        for key in keys:
            place = (*place, key)
            self._note(place)
            if place in self._last:
                place = (*place, self._last[place])
        return place

    def _pair(self, table: Place) -> None:
        place = (*table, *self._key())
        for end in range(len(table) + 1, len(place) + 1):
            self._note(place[:end])
        self._at = self._text.index("=", self._at) + 1
        self._skip(_SPACE)
        self._value(place)

    def _key(self) -> list[str]:
        """A dotted key; ends behind it."""
        names = []
        while True:
            self._skip(_SPACE)
            names.append(_name(self._take(_KEY)))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, place: Place) -> None:
        first = self._text[self._at]
        if first == "[":
            self._items(place)
        elif first == "{":
            self._inline(place)
        else:
            self._take(_TEXT if first in "\"'" else _BARE)

    def _items(self, place: Place) -> None:
        index = 0
        self._at += 1
        while self._text[self._skip(_BLANK)] != "]":
            self._note((*place, index))
            self._value((*place, index))
            index += 1
            self._skip_comma()
        self._at += 1

    def _inline(self, place: Place) -> None:
        self._at += 1
        while self._text[self._skip(_BLANK)] != "}":
            self._pair(place)
            self._skip_comma()
        self._at += 1

    def _skip_comma(self) -> None:
        if self._text.startswith(",", self._skip(_BLANK)):
            self._at += 1

    def _note(self, place: Place) -> None:
        self._lines.setdefault(place, bisect(self._ends, self._at - 1) + 1)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        assert match is not None, "it matches nothing, too"
        self._at = match.end()
        return self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        assert match is not None, "the document is valid"
        self._at = match.end()
        return match[0]


def _name(written: str) -> str:
    if written[0] == "'":
        return written[1:-1]
    if written[0] != '"':
        return written
    name = tomllib.loads(f"name = {written}")["name"]
    assert isinstance(name, str), "a quoted key is text"
    return name
