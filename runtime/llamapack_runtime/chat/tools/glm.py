"""GLM 4.5 and later, Ling 3, Laguna: the name, then <arg_key> and <arg_value>, with or without
line breaks between them."""

from __future__ import annotations

from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.tagged import TaggedCalls

_MARKS = (
    "<tool_call>",
    "</tool_call>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
)


_TAGS = TaggedCalls(
    opening="<tool_call>",
    before_name="",
    after_name="\n",
    key="<arg_key>",
    after_key="</arg_key>\n<arg_value>",
    value_end="</arg_value>\n",
    call_end="",
    closing="</tool_call>",
    is_loose=True,
)

FORMATS = (ToolFormat(has("<arg_key>", "<tool_call>"), _TAGS.read, _TAGS.lark, _MARKS[0], _MARKS),)
