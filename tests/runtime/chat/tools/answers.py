"""Answers read by a format, and held against its grammar."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fakes import ByteTokenizer
from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, joined
from llamapack_runtime.chat.reading import ReadingParser
from llamapack_runtime.chat.tools.calls import Allowed, Calls
from llamapack_runtime.chat.tools.format import ToolFormat
from llamapack_runtime.chat.types import Tool
from llamapack_runtime.engine.errors import GrammarError
from runtime.chat.tools.transcripts import TOOLS

COMPILER = ByteTokenizer()


def parser(format_: ToolFormat, tools: Sequence[Tool]) -> ReadingParser:
    return ReadingParser(
        lambda reader: format_.read(Calls(reader, tools, lambda name, index: f"{name}-{index}"))
    )


def parts(
    format_: ToolFormat,
    pieces: Sequence[str],
    tools: Sequence[Tool] = TOOLS,
    *,
    is_cut_off: bool = False,
) -> list[Part]:
    one = parser(format_, tools)
    said = [part for piece in pieces for part in one.push(piece)]
    return joined(said + one.finish(is_cut_off=is_cut_off))


def calls_in(found: Sequence[Part]) -> list[tuple[str, object]]:
    names = [part.name for part in found if isinstance(part, CallBegins)]
    texts = ["" for _ in names]
    for part in found:
        if isinstance(part, CallArguments):
            texts[part.index] += part.text
    return list(zip(names, map(json.loads, texts), strict=True))


def content_in(found: Sequence[Part]) -> str:
    return "".join(part.text for part in found if isinstance(part, Content))


def matches(format_: ToolFormat, allowed: Allowed, text: str) -> str:
    """What of the text the grammar does not allow: "" when all, "end" when only the end."""
    rules = Rules()
    matcher = COMPILER.grammar(rules.grammar(format_.lark(rules, allowed))).start()
    data = text.encode()
    try:
        for at, byte in enumerate(data):
            left = data[at:].decode("utf-8", "replace")
            matcher.accept(byte)
        left = "end"
        matcher.accept(ByteTokenizer.END)
    except GrammarError:
        return left
    return ""
