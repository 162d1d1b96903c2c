"""Command R7B and A: an action is a JSON list between marks, and so is every answer marked.
Command R+: a JSON list in a code block."""

from __future__ import annotations

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.json_calls import CallObject
from llamapack_runtime.chat.tools.listed import ListedCalls

_ACTION, _ACTION_END = "<|START_ACTION|>", "<|END_ACTION|>"
_MARKED = (("<|START_RESPONSE|>", "<|END_RESPONSE|>"), ("<|START_TEXT|>", "<|END_TEXT|>"))
_ACTIONS = ListedCalls(
    _ACTION,
    _ACTION_END,
    CallObject(
        "tool_name",
        "parameters",
        '{"tool_call_id": "$INDEX", "tool_name": $NAME, "parameters": $ARGUMENTS}',
    ),
    begin="[\n    ",
    between=",\n    ",
    end="\n]",
)
_PLUS = ListedCalls(
    "Action:\n```json\n[",
    "\n```",
    CallObject("tool_name", "parameters", '{"tool_name": $NAME, "parameters": $ARGUMENTS}'),
)


def read(calls: Calls) -> Reading[None]:
    reader = calls.reader
    yield from reader.space()
    for begin, end in _MARKED:
        if (yield from reader.literal(begin)):
            yield from reader.until(end, say=reader.content)
            return
    yield from _ACTIONS.read(calls)


def lark(rules: Rules, allowed: Allowed) -> str:
    required = Allowed(allowed.tools, True, allowed.is_parallel)
    calls = [_ACTIONS.lark(rules, required)] if allowed.tools else []
    if allowed.is_required:
        return calls[0]
    answer = allowed.text(rules, without=_ACTION)
    marked = [f"{rules.exact(begin)} {answer} {rules.exact(end)}" for begin, end in _MARKED]
    return rules.rule(" | ".join([answer, *marked, *calls]))


FORMATS = (
    ToolFormat(
        has(_ACTION),
        read,
        lark,
        _ACTION,
        (_ACTION, _ACTION_END, *_MARKED[0], *_MARKED[1]),
        reads_all=True,
    ),
    ToolFormat(has("Action:", "```json", "directly-answer"), _PLUS.read, _PLUS.lark, "Action:"),
)
