"""Hermes, Qwen 2.5 and 3, Granite 4, SmolLM3 and others: <tool_call>{JSON}</tool_call>."""

from __future__ import annotations

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls, read_sections
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.json_calls import CallObject

OPEN, CLOSE = "<tool_call>", "</tool_call>"
CALL = CallObject()


def read(calls: Calls) -> Reading[None]:
    yield from read_sections(calls, OPEN, _read_call, CLOSE)


def _read_call(calls: Calls) -> Reading[None]:
    yield from calls.reader.space()
    yield from CALL.read(calls)


def lark(rules: Rules, allowed: Allowed) -> str:
    call = f'"\\n" {CALL.any_lark(rules, allowed)} "\\n" {rules.exact(CLOSE)}'
    more = f"(/\\n?/ {rules.exact(OPEN)} {rules.rule(call)})*" if allowed.is_parallel else ""
    return allowed.after(rules, OPEN, f"{call} {more}")


HERMES = ToolFormat(
    detects=has(OPEN, without=("<function=", "<arg_key>", "<invoke", "<|tool_call>")),
    read=read,
    lark=lark,
    opening=OPEN,
    marks=(OPEN, CLOSE),
)
FORMATS = (HERMES,)
