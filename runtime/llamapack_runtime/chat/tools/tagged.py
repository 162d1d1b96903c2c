"""Calls as tags around each parameter: Qwen3-Coder, MiniMax M2, GLM 4.5 and later, DeepSeek V3.2,
Seed. A text stands as it is, anything else as JSON; the schema says which of them a value is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import MAX_NAME, NAME, Allowed, Calls, read_sections
from llamapack_runtime.chat.tools.tool_parameters import (
    Parameter,
    parameters_of,
    unknown_parameter,
)
from llamapack_runtime.chat.tools.written import ObjectWriter
from llamapack_runtime.chat.types import Tool

_KEY = re.compile(r'[^<>"\n]')
_MAX_KEY = 256
_BREAK = "/\\n?/"
# White space may also differ between two tags.
_PARTS = re.compile(r"\n|(?<=>)(?=<)")


@dataclass(frozen=True, slots=True)
class TaggedCalls:
    """`opening` `before_name` NAME `after_name`, for each parameter `key` KEY `after_key` VALUE
    `value_end`, then `call_end`, `next_call` where another one follows, and `closing`. `kinds`:
    what marks a value that is a text, and any other. `is_loose`: line breaks between them may be
    missing."""

    opening: str
    before_name: str
    after_name: str
    key: str
    after_key: str
    value_end: str
    call_end: str
    closing: str
    next_call: str = ""
    kinds: tuple[str, str] = ("", "")
    is_loose: bool = False

    def read(self, calls: Calls) -> Reading[None]:
        yield from read_sections(calls, self._mark, self._read_calls, self.closing)

    def lark(self, rules: Rules, allowed: Allowed) -> str:
        one = rules.rule(" | ".join(self._lark_call(rules, tool) for tool in allowed.tools))
        closing = rules.exact(self.closing)
        if self.next_call:
            calls = allowed.calls(rules, one, rules.exact(self.next_call))
            return allowed.after(rules, self.opening, f"{calls} {closing}")
        whole = rules.rule(f"{one} {closing}")
        again = f"{_BREAK} {rules.exact(self.opening)}"
        return allowed.after(rules, self.opening, allowed.calls(rules, whole, again))

    def _lark_call(self, rules: Rules, tool: Tool) -> str:
        head = self._exact(rules, f"{self.before_name}{tool.name}{self.after_name}")
        parameters = [self._lark_parameter(rules, one) for one in parameters_of(tool)]
        return rules.rule(" ".join([head, *parameters, rules.exact(self.call_end)]))

    def _lark_parameter(self, rules: Rules, parameter: Parameter) -> str:
        kinds = [self.kinds[not parameter.is_text]]
        if parameter.is_text and not parameter.is_only_text:
            kinds = list(dict.fromkeys(self.kinds))
        head = f"{self.key}{parameter.name}{self.after_key}"
        heads = [self._exact(rules, f"{head}{one}") for one in kinds]
        end = self.value_end.rstrip("\n") if self.is_loose else self.value_end
        value = parameter.lark(rules, end)
        if self.is_loose:
            value = f"{value} {_BREAK}"
        return f"({rules.either(*heads)} {value}){'' if parameter.is_required else '?'}"

    def _exact(self, rules: Rules, text: str) -> str:
        if not self.is_loose:
            return rules.exact(text)
        return f" {_BREAK} ".join(rules.exact(part) if part else "" for part in text.split("\n"))

    def _rest(self, calls: Calls, text: str) -> Reading[bool]:
        """Read `text`, in which white space may differ."""
        for part in map(str.strip, _PARTS.split(text)):
            yield from calls.reader.space()
            if part and not (yield from calls.reader.literal(part)):
                return False
        return True

    @property
    def _mark(self) -> str:
        """The first line of `opening`."""
        return self.opening.split("\n")[0]

    def _read_calls(self, calls: Calls) -> Reading[None]:
        """From behind the mark to where `closing` comes."""
        reader = calls.reader
        is_open = yield from self._rest(calls, self.opening.removeprefix(self._mark))
        while is_open and (yield from self._read_call(calls)):
            yield from reader.space()
            mark = self.next_call.strip()
            is_open = bool(mark) and (yield from reader.literal(mark))

    def _read_call(self, calls: Calls) -> Reading[bool]:
        """From behind `opening` to behind `call_end`."""
        reader = calls.reader
        if not (yield from self._rest(calls, self.before_name)):
            return False
        name = yield from reader.word(NAME, MAX_NAME)
        tool = calls.tool(name)
        if tool is None or not (yield from self._rest(calls, self.after_name)):
            return False
        known = {one.name: one for one in parameters_of(tool)}
        calls.begin(name)
        writer = ObjectWriter(calls.say)
        is_whole = yield from self._read_parameters(calls, known, writer)
        writer.end()
        return is_whole

    def _read_parameters(
        self, calls: Calls, known: dict[str, Parameter], writer: ObjectWriter
    ) -> Reading[bool]:
        """Up to behind `call_end`."""
        reader = calls.reader
        seen: set[str] = set()
        while True:
            yield from reader.space()
            if not (yield from reader.literal(self.key)):
                return not self.call_end or (yield from self._rest(calls, self.call_end))
            name = yield from reader.word(_KEY, _MAX_KEY)
            if name in seen or not (yield from self._rest(calls, self.after_key.rstrip("\n"))):
                return False
            seen.add(name)
            is_text = None
            if self.kinds[0]:
                is_text = yield from reader.literal(self.kinds[0])
                if not is_text and not (yield from reader.literal(self.kinds[1])):
                    return False
            parameter = known.get(name) or unknown_parameter(name)
            writer.key(name)
            if not (yield from self._read_value(calls, parameter, is_text, writer)):
                return False

    def _read_value(
        self, calls: Calls, parameter: Parameter, is_text: bool | None, writer: ObjectWriter
    ) -> Reading[bool]:
        """From behind `after_key` to behind `value_end`. `is_text`: as its mark says, if it has
        one."""
        reader = calls.reader
        if self.after_key.endswith("\n"):
            yield from reader.literal("\n")
        end = self.value_end.strip()
        marks = (f"\n{end}", end) if self.value_end.startswith("\n") else (end,)
        if is_text or (is_text is None and parameter.is_only_text):
            writer.open('"')
            found = yield from reader.until(*marks, say=writer.text)
            writer.close()
        else:
            pieces: list[str] = []
            found = yield from reader.until(*marks, say=pieces.append)
            writer.value(parameter.json("".join(pieces)))
        return found is not None
