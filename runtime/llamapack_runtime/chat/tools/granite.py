"""Granite 3 and Phi 4 mini: a JSON list behind <|tool_call|>. (Granite 4 writes as Hermes.)"""

from __future__ import annotations

from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.listed import ListedCalls

_OPEN, _CLOSE = "<|tool_call|>", "<|/tool_call|>"
_PHI, _GRANITE = ListedCalls(_OPEN, _CLOSE), ListedCalls(_OPEN)

FORMATS = (
    ToolFormat(has("<|/tool|>"), _PHI.read, _PHI.lark, _OPEN, (_OPEN, _CLOSE)),
    ToolFormat(has(_OPEN), _GRANITE.read, _GRANITE.lark, _OPEN, (_OPEN,)),
)
