"""The calls of an answer, for dialects that tell their arguments as objects. Pure."""

from __future__ import annotations

import msgspec

from llamapack_runtime.chat.types import ToolCall


def arguments_of(call: ToolCall) -> dict[str, object] | None:
    """None where the end of the answer has cut them off: half a call is none."""
    try:
        return msgspec.json.decode(call.arguments or "{}", type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return None
