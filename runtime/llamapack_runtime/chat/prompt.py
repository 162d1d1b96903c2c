"""What a question has become: tokens to continue, and how to read and bound what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llamapack_runtime.chat.parts import AnswerParser, PlainParser
from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.types import ReasoningLimit

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.engine.grammar import Grammar


@dataclass(frozen=True, slots=True)
class Prompt:
    """`text` is what the tokens were made from ("" where tokens were given). `parser` makes a
    parser for each answer. `stop`, `grammar`, `shown_tokens`, `reasoning_limit` and
    `media` join the request's own: see `engine.types.Request`."""

    tokens: tuple[int, ...]
    text: str = ""
    parser: Callable[[], AnswerParser] = PlainParser
    stop: tuple[str, ...] = ()
    grammar: Grammar | None = None
    shown_tokens: frozenset[int] = frozenset()
    reasoning_limit: ReasoningLimit | None = None
    media: tuple[MediaSpan, ...] = ()
