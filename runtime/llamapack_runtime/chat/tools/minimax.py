"""MiniMax: M1 writes JSON lines in <tool_calls>, M2 an <invoke> with its <parameter>s."""

from __future__ import annotations

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls, read_sections
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.json_calls import CallObject
from llamapack_runtime.chat.tools.tagged import TaggedCalls

_OPEN, _CLOSE = "<tool_calls>", "</tool_calls>"
_CALL = CallObject()
_M2 = TaggedCalls(
    opening="<minimax:tool_call>\n<invoke",
    before_name=' name="',
    after_name='">\n',
    key='<parameter name="',
    after_key='">',
    value_end="</parameter>\n",
    call_end="</invoke>\n",
    next_call="<invoke",
    closing="</minimax:tool_call>",
)


def read(calls: Calls) -> Reading[None]:
    yield from read_sections(calls, _OPEN, _read_lines, _CLOSE)


def _read_lines(calls: Calls) -> Reading[None]:
    is_call = True
    while is_call:
        yield from calls.reader.space()
        is_call = yield from _CALL.read(calls)


def lark(rules: Rules, allowed: Allowed) -> str:
    calls = allowed.calls(rules, f'{_CALL.any_lark(rules, allowed)} "\\n"')
    return allowed.after(rules, f"{_OPEN}\n", f"{calls} {rules.exact(_CLOSE)}")


FORMATS = (
    ToolFormat(
        has("minimax:tool_call"),
        _M2.read,
        _M2.lark,
        "<minimax:tool_call>",
        ("<minimax:tool_call>", _M2.closing),
    ),
    ToolFormat(has(_OPEN, "<beginning_of_sentence>"), read, lark, _OPEN, (_OPEN, _CLOSE)),
)
