"""Builds a grammar in llguidance's variant of Lark, rule by rule. Knows nothing of models.

https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

# As Python writes JSON, and so do the templates that show it to models. White space of its own
# choice leads a small model to write nothing else.
_SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_SPECIAL = frozenset("\\.+*?()|[]{}^$/&~-#")
ANYTHING = "(?s:.*)"


class Rules:
    """`controls` are the marks that are single tokens without a text: a grammar must name these
    by their number, and no text can match them. Methods return expressions to build others of."""

    def __init__(self, controls: Mapping[str, int] | None = None) -> None:
        self._controls = dict(controls or {})
        pattern = "|".join(re.escape(m) for m in sorted(self._controls, key=len, reverse=True))
        self._split = re.compile(f"({pattern})") if pattern else None
        self._lines: list[str] = []
        self._names: dict[str, str] = {}

    def grammar(self, start: str) -> str:
        return "\n".join([f"start: {start}", *self._lines, ""])

    def rule(self, expression: str, options: str = "") -> str:
        """A rule of its own; the same one for the same expression."""
        return self._named(f"r{{}}{options}: {expression}")

    def recursive(self, key: str, expression: Callable[[], str]) -> str:
        """A rule that may come again within its own expression, under the same key."""
        if key not in self._names:
            self._names[key] = name = f"q{len(self._names)}"
            self._lines.append(f"{name}: {expression()}")
        return self._names[key]

    def terminal(self, expression: str) -> str:
        """One lexeme: strings and regular expressions alone."""
        return self._named(f"T{{}}: {expression}")

    def exact(self, text: str) -> str:
        """This text, whose marks are control tokens where the vocabulary has them so."""
        parts = self._split.split(text) if self._split else [text]
        return " ".join(self._exact(part) for part in parts if part) or '""'

    def until(
        self,
        mark: str,
        *,
        within: str = ANYTHING,
        also: str | None = None,
        unless: str | None = None,
    ) -> str:
        """Any text up to and with the first `mark`. Regular expressions: the text must match
        `within` and `also`, text and mark together must not match `unless`."""
        control = self._first_control(mark)
        if control is not None:
            text = self.matching(within, also=also, unless=unless)
            return f"{text}? {self.exact(mark[control:])}"
        end = pattern(mark)
        also = None if also is None else f"{also}{end}"
        return self.rule(self.matching(f"{within}{end}", also=also, unless=unless), "[lazy]")

    def text(self, *, without: str | None = None, unless: str | None = None) -> str:
        """Any text, also none, in which the mark `without` does not come."""
        if without is not None and self._first_control(without) is None:
            never = f"{ANYTHING}{pattern(without)}{ANYTHING}"
            unless = never if unless is None else f"{never}|{unless}"
        return f"{self.matching(ANYTHING, unless=unless)}?"

    def matching(self, wanted: str, *, also: str | None = None, unless: str | None = None) -> str:
        """A lexeme that matches the first two regular expressions and not the third."""
        both = "" if also is None else f" & /{also}/"
        rest = "" if unless is None else f" & ~/{unless}/"
        return self.terminal(f"/{wanted}/{both}{rest}")

    def json(self, schema: Mapping[str, Any] | bool) -> str:
        """What the schema allows, written as Python's json.dumps writes it."""
        plain = {} if schema is True else {"not": {}} if schema is False else schema
        return self.rule(f"%json {json.dumps({**plain, 'x-guidance': _SPACING})}")

    def nested(self, grammar: str) -> str:
        """A whole grammar, with a `start` and names of its own."""
        return self.rule(f"%lark {{\n{grammar}\n}}")

    def names(self, mark: str) -> bool:
        """Whether `mark` has a token without a text, which no text can match."""
        return self._first_control(mark) is not None

    def either(self, *expressions: str) -> str:
        return expressions[0] if len(expressions) == 1 else f"({' | '.join(expressions)})"

    def _named(self, line: str) -> str:
        if line not in self._names:
            name = f"{line[0]}{len(self._names)}"
            self._names[line] = name
            self._lines.append(line.replace("{}", name[1:], 1))
        return self._names[line]

    def _exact(self, part: str) -> str:
        token = self._controls.get(part)
        return json.dumps(part) if token is None else f"<[{token}]>"

    def _first_control(self, mark: str) -> int | None:
        found = self._split.search(mark) if self._split else None
        return None if found is None else found.start()


def pattern(text: str) -> str:
    """A regular expression for just this text."""
    return "".join("\\n" if one == "\n" else f"\\{one}" if one in _SPECIAL else one for one in text)
