"""The grammar of what continues a text: nothing of a template or of reasoning is around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.formats import format_lark, whole_grammar
from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.types import AnswerFormat
from llamapack_runtime.engine.errors import GrammarError

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.chat.session import Vocabulary
    from llamapack_runtime.engine.grammar import Grammar


def text_grammar(vocabulary: Vocabulary, wanted: AnswerFormat | None) -> Grammar | None:
    """BadRequest with the client's name of a format that cannot be followed. Blocking: the first
    one takes longer."""
    if wanted is None:
        return None
    try:
        return vocabulary.grammar(_lark(wanted))
    except (ChatError, GrammarError) as error:
        message = f"The answer cannot have this format. {error}"
        raise BadRequest(message, wanted.param) from error


def _lark(wanted: AnswerFormat) -> str:
    lark = whole_grammar(wanted)
    if lark is not None:
        return lark
    rules = Rules()
    return rules.grammar(format_lark(rules, wanted))
