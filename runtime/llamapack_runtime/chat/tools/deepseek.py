# ruff: noqa: RUF001  # the marks are written with these characters
"""DeepSeek: R1 and V3 put the JSON into a code block, V3.1 does not, V3.2 and V4 write tags."""

from __future__ import annotations

from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.named import NamedCalls
from llamapack_runtime.chat.tools.tagged import TaggedCalls

_SECTION, _SECTION_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_CALL, _MIDDLE, _CALL_END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_MARKS = (_SECTION, _CALL, _MIDDLE, _CALL_END, _SECTION_END)
_DSML = "｜DSML｜"

_R1 = NamedCalls(
    f"{_CALL}function{_MIDDLE}",
    "\n```json\n",
    f"\n```{_CALL_END}",
    section=_SECTION,
    section_end=_SECTION_END,
    between="\n",
)
_V31 = NamedCalls(_CALL, _MIDDLE, _CALL_END, section=_SECTION, section_end=_SECTION_END)


def _tags(section: str) -> TaggedCalls:
    return TaggedCalls(
        opening=f"<{_DSML}{section}>\n<{_DSML}invoke",
        before_name=' name="',
        after_name='">\n',
        key=f'<{_DSML}parameter name="',
        after_key='" string="',
        kinds=('true">', 'false">'),
        value_end=f"</{_DSML}parameter>\n",
        call_end=f"</{_DSML}invoke>\n",
        next_call=f"<{_DSML}invoke",
        closing=f"</{_DSML}{section}>",
    )


_V32, _V4 = _tags("function_calls"), _tags("tool_calls")

FORMATS = (
    ToolFormat(
        has("dsml_token", "DSML", "function_calls"),
        _V32.read,
        _V32.lark,
        f"<{_DSML}function_calls>",
        (_DSML,),
    ),
    ToolFormat(
        has("dsml_token", "DSML", "tool_calls"),
        _V4.read,
        _V4.lark,
        f"<{_DSML}tool_calls>",
        (_DSML,),
    ),
    ToolFormat(has(_SECTION, "```json"), _R1.read, _R1.lark, _SECTION, _MARKS),
    ToolFormat(has(_SECTION), _V31.read, _V31.lark, _SECTION, _MARKS),
)
