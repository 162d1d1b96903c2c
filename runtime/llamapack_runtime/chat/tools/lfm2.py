"""LFM2: a list of calls as Python writes them, [name(key="value")], between marks."""

from __future__ import annotations

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import MAX_NAME, NAME, Allowed, Calls, read_sections
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.literals import Notation
from llamapack_runtime.chat.tools.tool_parameters import Parameter, parameters_of
from llamapack_runtime.chat.tools.values import members
from llamapack_runtime.chat.tools.written import ObjectWriter
from llamapack_runtime.chat.types import Tool

_OPEN, _CLOSE = "<|tool_call_start|>", "<|tool_call_end|>"
_PYTHON = Notation(('"', "'"), escapes=True)


def read(calls: Calls) -> Reading[None]:
    yield from read_sections(calls, _OPEN, _read_list, _CLOSE)


def _read_list(calls: Calls) -> Reading[None]:
    reader = calls.reader
    yield from reader.space()
    is_open = yield from reader.literal("[")
    while is_open and (yield from _read_call(calls)):
        yield from reader.space()
        is_open = yield from reader.literal(",")
    yield from reader.space()
    yield from reader.literal("]")


def _read_call(calls: Calls) -> Reading[bool]:
    reader = calls.reader
    yield from reader.space()
    name = yield from reader.word(NAME, MAX_NAME)
    if calls.tool(name) is None or not (yield from reader.literal("(")):
        return False
    calls.begin(name)
    writer = ObjectWriter(calls.say)
    is_whole = yield from _PYTHON.items(reader, writer, "=", ")")
    writer.end()
    return is_whole


def lark(rules: Rules, allowed: Allowed) -> str:
    calls = allowed.calls(
        rules, rules.either(*[_lark_call(rules, tool) for tool in allowed.tools]), '", "'
    )
    return allowed.after(rules, _OPEN, f'"[" {calls} "]" {rules.exact(_CLOSE)}')


def _lark_call(rules: Rules, tool: Tool) -> str:
    each = [
        (f"{rules.exact(f'{one.name}=')} {_lark_value(rules, one)}", one.is_required)
        for one in parameters_of(tool)
    ]
    return rules.rule(f'{rules.exact(f"{tool.name}(")} {members(rules, each, ", ")} ")"')


def _lark_value(rules: Rules, parameter: Parameter) -> str:
    """Texts, numbers and what is made of them are the same in JSON."""
    if parameter.types == {"boolean"}:
        return '("True" | "False")'
    return rules.json(parameter.schema)


FORMATS = (
    ToolFormat(has(_OPEN), read, lark, _OPEN, (_OPEN, _CLOSE)),
    # Older templates show only the list of tools.
    ToolFormat(has("<|tool_list_start|>"), read, lark, _OPEN, (_OPEN, _CLOSE)),
    ToolFormat(has("List of tools: [", "<|im_start|>"), read, lark, _OPEN, (_OPEN, _CLOSE)),
)
