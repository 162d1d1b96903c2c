"""Functionary: 3.1 writes <function=NAME>{JSON}</function>, 3.2 >>>NAME and JSON on a new line."""

from __future__ import annotations

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import (
    MAX_NAME,
    NAME,
    Allowed,
    Calls,
    arguments_schema,
    json_arguments,
)
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.named import NamedCalls

_V31 = NamedCalls("<function=", ">", "</function>")
_NEXT, _ALL, _LINE = ">>>", "all\n", "\n"


def read(calls: Calls) -> Reading[None]:
    """The prompt ends with the first `>>>`."""
    reader = calls.reader
    is_section = True
    while is_section:
        reader.keep()
        if (yield from reader.literal(_ALL)):
            reader.release()
        elif (yield from _read_call(calls)):
            yield from reader.space()
        else:
            calls.break_off("")
        is_section = (yield from reader.until(_NEXT, say=reader.content)) is not None


def _read_call(calls: Calls) -> Reading[bool]:
    name = yield from calls.reader.word(NAME, MAX_NAME)
    if not (yield from calls.reader.literal("\n")):
        return False
    return (yield from json_arguments(calls, name))


def lark(rules: Rules, allowed: Allowed) -> str:
    if not allowed.tools:
        return f"{rules.exact(_ALL)} {allowed.text(rules, without=_NEXT)}"
    each = [
        f"{rules.exact(f'{tool.name}{_LINE}')} {rules.json(arguments_schema(tool))}"
        for tool in allowed.tools
    ]
    calls = allowed.calls(rules, rules.rule(" | ".join(each)), rules.exact(_NEXT))
    if allowed.is_required:
        return calls
    if allowed.answer is not None:
        return rules.rule(f"{rules.exact(_ALL)} {allowed.answer} | {calls}")
    said = f"{rules.exact(_ALL)} {rules.until(_NEXT)} {calls}"
    return rules.rule(f"{rules.exact(_ALL)} {allowed.text(rules)} | {said} | {calls}")


FORMATS = (
    ToolFormat(has(">>>all", ">>>${recipient}"), read, lark, "", reads_all=True),
    ToolFormat(
        has("<function=", "{start_tag}={function_name}"), _V31.read, _V31.lark, "<function="
    ),
)
