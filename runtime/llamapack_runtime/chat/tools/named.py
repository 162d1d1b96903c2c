"""Calls as a name between marks and the JSON of the arguments: Mistral's later format, DeepSeek,
Kimi K2, Functionary."""

from __future__ import annotations

from dataclasses import dataclass

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import (
    MAX_NAME,
    NAME,
    Allowed,
    Calls,
    arguments_schema,
    json_arguments,
    read_sections,
)


@dataclass(frozen=True, slots=True)
class NamedCalls:
    """`section` `opening` NAME `middle` {…} `closing` `between` `opening` … `section_end`. The name
    may be followed by `id_mark` and an identifier of the model's own, which `id_pattern` matches
    where the grammar decides."""

    opening: str
    middle: str
    closing: str = ""
    section: str = ""
    section_end: str = ""
    between: str = ""
    id_mark: str = ""
    id_pattern: str = ""

    def read(self, calls: Calls) -> Reading[None]:
        first = self.section or self.opening
        yield from read_sections(calls, first, self._read_calls, self.section_end)

    def lark(self, rules: Rules, allowed: Allowed) -> str:
        one = rules.rule(" | ".join(self._lark_tools(rules, allowed)))
        calls = allowed.calls(rules, one, rules.exact(self.between + self.opening))
        if not self.section:
            return allowed.after(rules, self.opening, calls)
        end = rules.exact(self.section_end)
        return allowed.after(rules, self.section, f"{rules.exact(self.opening)} {calls} {end}")

    def _lark_tools(self, rules: Rules, allowed: Allowed) -> list[str]:
        own_id = f"{rules.exact(self.id_mark)} /{self.id_pattern}/" if self.id_mark else ""
        closing = rules.exact(self.closing) if self.closing else ""
        return [
            f"{rules.exact(tool.name)} {own_id} {rules.exact(self.middle)}"
            f" {rules.json(arguments_schema(tool))} {closing}"
            for tool in allowed.tools
        ]

    def _read_calls(self, calls: Calls) -> Reading[None]:
        reader = calls.reader
        yield from reader.space()
        is_open = not self.section or (yield from reader.literal(self.opening))
        while is_open and (yield from self._read_call(calls)):
            yield from reader.space()
            is_open = yield from reader.literal(self.opening)

    def _read_call(self, calls: Calls) -> Reading[bool]:
        """From behind `opening` to behind `closing`."""
        reader = calls.reader
        name = yield from reader.word(NAME, MAX_NAME)
        if self.id_mark and (yield from reader.literal(self.id_mark)):
            yield from reader.word(NAME, MAX_NAME)
        yield from reader.space()
        if not (yield from reader.literal(self.middle.strip())):
            return False
        yield from reader.space()
        if not (yield from json_arguments(calls, name)):
            return False
        yield from reader.space()
        yield from reader.literal(self.closing.strip())
        return True
