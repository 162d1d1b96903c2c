"""gpt-oss: an answer is messages on channels. What is thought is on analysis, what is said on
final (or commentary), and a message to functions.NAME is a call.

https://cookbook.openai.com/articles/openai-harmony"""

from __future__ import annotations

import re

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls, arguments_schema, json_arguments
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.types import Tool

_START, _CHANNEL, _MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
_END, _CALL, _RETURN, _TYPE = "<|end|>", "<|call|>", "<|return|>", "<|constrain|>"
_ENDS = (_END, _CALL, _RETURN)
_TO = re.compile(r"to=functions\.([a-zA-Z0-9_.-]{1,128})")
_ANALYSIS = f"{_CHANNEL}analysis{_MESSAGE}"
_NEXT = f"{_START}assistant"


def read(calls: Calls) -> Reading[None]:
    """The prompt ends with `<|start|>assistant`, or within a message that is continued."""
    reader = calls.reader
    if not (yield from _begins_with_header(calls)):
        yield from reader.until(*_ENDS, say=reader.content)
    while (yield from reader.peek()):
        reader.keep()
        header: list[str] = []
        if (yield from reader.until(_MESSAGE, say=header.append)) is None:
            calls.break_off("")
            return
        yield from _read_message(calls, "".join(header))


def _begins_with_header(calls: Calls) -> Reading[bool]:
    reader = calls.reader
    for begin in (_CHANNEL, _START, " to="):
        reader.keep()
        found = yield from reader.literal(begin)
        reader.rewind()
        text = reader.available
        if found or (reader.is_cut_off and text and begin.startswith(text)):
            return True
    return False


def _read_message(calls: Calls, header: str) -> Reading[None]:
    reader = calls.reader
    recipient = _TO.search(header)
    if recipient is not None and (yield from json_arguments(calls, recipient[1])):
        yield from reader.until(*_ENDS, say=_ignore)
        return
    reader.release()
    if f"{_CHANNEL}analysis" in header:
        reader.is_reasoning = True
        yield from reader.until(*_ENDS, say=reader.reasoning)
        reader.is_reasoning = False
    else:
        yield from reader.until(*_ENDS, say=reader.content)


def lark(rules: Rules, allowed: Allowed) -> str:
    analysis = f"{rules.exact(_ANALYSIS)} {rules.until(f'{_END}{_NEXT}')}"
    each = [_lark_call(rules, tool) for tool in allowed.tools]
    endings = [rules.rule(" | ".join(each))] if each else []
    if not allowed.is_required:
        final = f"{rules.exact(f'{_CHANNEL}final{_MESSAGE}')} {allowed.text(rules)}"
        endings.append(final)
    said = f"{rules.exact(f'{_CHANNEL}commentary{_MESSAGE}')} {rules.until(f'{_END}{_NEXT}')}"
    before = f"({analysis} | {said})*"
    return rules.rule(f"{before} {rules.either(*endings)}")


def _lark_call(rules: Rules, tool: Tool) -> str:
    """To whom it goes may stand before its channel, as the template shows it, or behind."""
    to = f"to=functions.{tool.name}"
    heads = [
        rules.exact(head + _MESSAGE)
        for head in (
            f"{_CHANNEL}commentary {to} {_TYPE}json",
            f" {to}{_CHANNEL}commentary {_TYPE}json",
            f" {to}{_CHANNEL}commentary json",
        )
    ]
    return f"{rules.either(*heads)} {rules.json(arguments_schema(tool))}"


def _ignore(_text: str) -> None: ...


FORMATS = (
    ToolFormat(
        has(_CHANNEL, _MESSAGE, _START),
        read,
        lark,
        f"{_CHANNEL}commentary to=",
        (_START, _CHANNEL, _MESSAGE, _END, _CALL, _RETURN, _TYPE),
        reads_all=True,
        reasons=True,
    ),
)
