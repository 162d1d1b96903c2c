"""Gemma 4: call:NAME{key:value}, where <|"|> opens and closes a text."""

from __future__ import annotations

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import MAX_NAME, NAME, Allowed, Calls, read_sections
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.literals import Notation
from llamapack_runtime.chat.tools.tool_parameters import parameters_of
from llamapack_runtime.chat.tools.values import Values, members
from llamapack_runtime.chat.tools.written import ObjectWriter
from llamapack_runtime.chat.types import Tool

_OPEN, _CLOSE, _QUOTE = "<|tool_call>", "<tool_call|>", '<|"|>'
_NOTATION = Notation((_QUOTE,), escapes=False)


def read(calls: Calls) -> Reading[None]:
    yield from read_sections(calls, _OPEN, _read_call, _CLOSE)


def _read_call(calls: Calls) -> Reading[None]:
    reader = calls.reader
    if not (yield from reader.literal("call:")):
        return
    name = yield from reader.word(NAME, MAX_NAME)
    if calls.tool(name) is None or not (yield from reader.literal("{")):
        return
    calls.begin(name)
    writer = ObjectWriter(calls.say)
    yield from _NOTATION.items(reader, writer, ":", "}")
    writer.end()


def lark(rules: Rules, allowed: Allowed) -> str:
    each = [_lark_call(rules, tool) for tool in allowed.tools]
    calls = allowed.calls(rules, rules.either(*each), rules.exact(_OPEN))
    return allowed.after(rules, _OPEN, calls)


def _lark_call(rules: Rules, tool: Tool) -> str:
    """Its template sorts keys, so that is how the model writes them."""
    parameters = sorted(parameters_of(tool), key=lambda one: one.name.lower())
    values = Values(rules, tool, _QUOTE)
    each = [
        (f"{rules.exact(f'{one.name}:')} {values.value(one.schema)}", one.is_required)
        for one in parameters
    ]
    begin, end = rules.exact(f"call:{tool.name}{{"), rules.exact(f"}}{_CLOSE}")
    return rules.rule(f"{begin} {members(rules, each, ',')} {end}")


FORMATS = (ToolFormat(has("<|tool_call>call:"), read, lark, _OPEN, (_OPEN, _CLOSE, _QUOTE)),)
