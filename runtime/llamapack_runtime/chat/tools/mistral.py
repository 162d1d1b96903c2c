"""Mistral: a JSON list behind [TOOL_CALLS]; since Small 3.1 a name, [ARGS] and JSON."""

from __future__ import annotations

from llamapack_runtime.chat.tools.calls import short_id
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.json_calls import CallObject
from llamapack_runtime.chat.tools.listed import ListedCalls
from llamapack_runtime.chat.tools.named import NamedCalls

_CALLS, _ARGUMENTS, _ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"
_LISTED = ListedCalls(_CALLS, call=CallObject())
_NAMED = NamedCalls(_CALLS, _ARGUMENTS)
_IDENTIFIED = NamedCalls(_CALLS, _ARGUMENTS, id_mark=_ID, id_pattern="[a-zA-Z0-9]{9}")

FORMATS = (
    ToolFormat(
        has(_CALLS, _ARGUMENTS, _ID),
        _IDENTIFIED.read,
        _IDENTIFIED.lark,
        _CALLS,
        (_CALLS, _ARGUMENTS, _ID),
        new_id=short_id,
    ),
    ToolFormat(
        has(_CALLS, _ARGUMENTS),
        _NAMED.read,
        _NAMED.lark,
        _CALLS,
        (_CALLS, _ARGUMENTS),
        new_id=short_id,
    ),
    ToolFormat(has(_CALLS), _LISTED.read, _LISTED.lark, _CALLS, (_CALLS,), new_id=short_id),
)
