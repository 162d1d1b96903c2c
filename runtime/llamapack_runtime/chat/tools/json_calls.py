"""Calls that are written as JSON objects: {"name": …, "arguments": {…}}, alone or in a list."""

from __future__ import annotations

import json
from dataclasses import dataclass

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reader, Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls, arguments_schema, json_value
from llamapack_runtime.chat.types import Tool


@dataclass(frozen=True, slots=True)
class CallObject:
    """The keys of the object; `template` is how the grammar writes it, with $NAME (a JSON string)
    and $ARGUMENTS, each once, and maybe $INDEX before them, a small number."""

    name: str = "name"
    arguments: str = "arguments"
    template: str = '{"name": $NAME, "arguments": $ARGUMENTS}'

    def lark(self, rules: Rules, tool: Tool) -> str:
        """One call of this tool."""
        before, _, after = self.template.partition("$ARGUMENTS")
        before = before.replace("$NAME", json.dumps(tool.name))
        heads = [rules.exact(part) for part in before.split("$INDEX")]
        schema = rules.json(arguments_schema(tool))
        return rules.rule(f"{' /[0-9]{1,2}/ '.join(heads)} {schema} {rules.exact(after)}")

    def any_lark(self, rules: Rules, allowed: Allowed) -> str:
        """One call of any allowed tool."""
        return rules.rule(" | ".join(self.lark(rules, tool) for tool in allowed.tools))

    def read(self, calls: Calls) -> Reading[bool]:
        """Read one call. False when there is none: then either nothing is told, or the call had
        begun before it broke."""
        return (yield from _ObjectReader(calls, self).read())


PLAIN_CALL = CallObject()


class _ObjectReader:
    """Arguments stream when the name came before them, as it does wherever a grammar decides."""

    def __init__(self, calls: Calls, keys: CallObject) -> None:
        self._calls = calls
        self._reader: Reader = calls.reader
        self._keys = keys
        self._name: str | None = None
        self._arguments: str | None = None
        self._has_begun = False

    def read(self) -> Reading[bool]:
        if not (yield from self._reader.literal("{")):
            return False
        while True:
            if not (yield from self._member()):
                return False
            yield from self._reader.space()
            if (yield from self._reader.literal("}")):
                return self._end()
            if not (yield from self._reader.literal(",")):
                return False

    def _member(self) -> Reading[bool]:
        yield from self._reader.space()
        key = yield from self._string()
        yield from self._reader.space()
        if key is None or not (yield from self._reader.literal(":")):
            return False
        yield from self._reader.space()
        if key == self._keys.name and self._name is None:
            self._name = yield from self._string()
            return self._name is not None and self._calls.tool(self._name) is not None
        if key == self._keys.arguments and self._arguments is None:
            return (yield from self._read_arguments())
        return (yield from json_value(self._reader, _ignore))

    def _read_arguments(self) -> Reading[bool]:
        if (yield from self._reader.peek()) != "{":
            return False
        self._arguments = ""
        if self._name is None:
            pieces: list[str] = []
            is_whole = yield from json_value(self._reader, pieces.append)
            self._arguments = "".join(pieces)
            return is_whole
        self._begin(self._name)
        return (yield from json_value(self._reader, self._calls.say))

    def _begin(self, name: str) -> None:
        self._calls.begin(name)
        self._has_begun = True

    def _end(self) -> bool:
        if self._name is None:
            return False
        if not self._has_begun:
            self._begin(self._name)
            self._calls.say(self._arguments or "{}")
        return True

    def _string(self) -> Reading[str | None]:
        if (yield from self._reader.peek()) != '"':
            return None
        pieces: list[str] = []
        if not (yield from json_value(self._reader, pieces.append)):
            return None
        text: str = json.loads("".join(pieces))
        return text


def _ignore(_text: str) -> None: ...
