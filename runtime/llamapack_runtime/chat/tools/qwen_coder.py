"""Qwen3-Coder, Qwen 3.5, Nemotron 3, Step 3.5 and Seed: <function=NAME> and <parameter=KEY>."""

from __future__ import annotations

from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.tagged import TaggedCalls

_QWEN = TaggedCalls(
    opening="<tool_call>",
    before_name="\n<function=",
    after_name=">\n",
    key="<parameter=",
    after_key=">\n",
    value_end="\n</parameter>\n",
    call_end="</function>\n",
    closing="</tool_call>",
)
_SEED = TaggedCalls(
    opening="<seed:tool_call>",
    before_name="\n<function=",
    after_name=">\n",
    key="<parameter=",
    after_key=">",
    value_end="</parameter>\n",
    call_end="</function>\n",
    closing="</seed:tool_call>",
)

FORMATS = (
    ToolFormat(
        has("<function=", "<parameter=", "seed:"),
        _SEED.read,
        _SEED.lark,
        _SEED.opening,
        (_SEED.opening, _SEED.closing),
    ),
    ToolFormat(
        has("<tool_call>", "<function=", "<parameter="),
        _QWEN.read,
        _QWEN.lark,
        _QWEN.opening,
        (_QWEN.opening, _QWEN.closing),
    ),
)
