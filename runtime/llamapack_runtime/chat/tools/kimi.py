"""Kimi K2: functions.NAME:INDEX between marks, and the JSON of the arguments."""

from __future__ import annotations

from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.named import NamedCalls

_SECTION, _SECTION_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
_CALL, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_CALLS = NamedCalls(
    f"{_CALL}functions.",
    _ARGUMENTS,
    _END,
    section=_SECTION,
    section_end=_SECTION_END,
    id_mark=":",
    id_pattern="[0-9]{1,3}",
)


def _id(name: str, index: int) -> str:
    """As the model writes them; its template shows them again."""
    return f"functions.{name}:{index}"


FORMATS = (
    ToolFormat(
        has(_SECTION, _CALL),
        _CALLS.read,
        _CALLS.lark,
        _SECTION,
        (_SECTION, _SECTION_END, _CALL, _ARGUMENTS, _END),
        new_id=_id,
    ),
)
