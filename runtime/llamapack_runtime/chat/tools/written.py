"""Writes JSON piece by piece, so that it can be ended at any moment. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable


class ObjectWriter:
    """An object within which others may be opened. `end` closes whatever is open."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._open: list[str] = []
        self._before = ""  # what a next value or key must follow
        self.open("{")

    @property
    def depth(self) -> int:
        return len(self._open)

    def key(self, name: str) -> None:
        """Of the value that follows; said with it."""
        self._before += f"{json.dumps(name, ensure_ascii=False)}: "

    def value(self, text: str) -> None:
        """A whole JSON value."""
        self._say(self._before + text)
        self._before = ", "

    def open(self, bracket: str) -> None:
        """`{`, `[` or `"`, within which `text` is said."""
        self._say(self._before + bracket)
        self._open.append({"{": "}", "[": "]", '"': '"'}[bracket])
        self._before = ""

    def text(self, text: str) -> None:
        """More of the string that is open."""
        self._say(json.dumps(text, ensure_ascii=False)[1:-1])

    def close(self) -> None:
        """What was opened last."""
        self._say(self._open.pop())
        self._before = ", "

    def end(self) -> None:
        while self._open:
            self.close()
