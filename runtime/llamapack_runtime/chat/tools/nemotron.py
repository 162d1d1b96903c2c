"""Nemotron Nano 2, Apriel and Firefunction 2: a JSON list behind a word."""

from __future__ import annotations

from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.listed import ListedCalls

_NEMOTRON = ListedCalls("<TOOLCALL>", "</TOOLCALL>")
_APRIEL = ListedCalls("<tool_calls>", "</tool_calls>")
_FIREFUNCTION = ListedCalls(" functools[")

FORMATS = (
    ToolFormat(has("<TOOLCALL>"), _NEMOTRON.read, _NEMOTRON.lark, "<TOOLCALL>"),
    ToolFormat(has("<tool_calls>["), _APRIEL.read, _APRIEL.lark, "<tool_calls>"),
    ToolFormat(has("functools["), _FIREFUNCTION.read, _FIREFUNCTION.lark, " functools["),
)
