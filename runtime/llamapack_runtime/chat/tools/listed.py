"""Calls as one JSON list behind a mark: Mistral's first format, Granite 3, Command R7B, Nemotron,
Phi 4 mini, Firefunction."""

from __future__ import annotations

import json
from dataclasses import dataclass

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls, read_sections
from llamapack_runtime.chat.tools.json_calls import PLAIN_CALL, CallObject


@dataclass(frozen=True, slots=True)
class ListedCalls:
    """`opening` comes before the list, or ends with its bracket; `closing` behind it. `begin`,
    `between` and `end` are how the grammar writes the list."""

    opening: str
    closing: str = ""
    call: CallObject = PLAIN_CALL
    begin: str = "["
    between: str = ", "
    end: str = "]"

    def read(self, calls: Calls) -> Reading[None]:
        yield from read_sections(calls, self.opening, self._read_list, self.closing.strip())

    def lark(self, rules: Rules, allowed: Allowed) -> str:
        call = self.call.any_lark(rules, allowed)
        calls = allowed.calls(rules, call, json.dumps(self.between))
        closing = rules.exact(self.closing) if self.closing else ""
        begin = self.begin.removeprefix("[") if self._opens_list else self.begin
        begin, end = (json.dumps(one) if one else "" for one in (begin, self.end))
        return allowed.after(rules, self.opening, f"{begin} {calls} {end} {closing}")

    @property
    def _opens_list(self) -> bool:
        return self.opening.endswith("[")

    def _read_list(self, calls: Calls) -> Reading[None]:
        reader = calls.reader
        yield from reader.space()
        is_open = self._opens_list or (yield from reader.literal("["))
        while is_open:
            yield from reader.space()
            if not (yield from self.call.read(calls)):
                return
            yield from reader.space()
            is_open = yield from reader.literal(",")
        yield from reader.literal("]")
