"""The forms in which llama-server takes prompts, and their tokens.

One prompt is a text, a list of tokens, a list of texts and tokens, or {"prompt_string": one of
these}. Several are a list of such, in which no item is a plain token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from llamapack_runtime.api.errors import BadRequest, TextOnly, UnknownParameter
from llamapack_runtime.api.tokens import check_prompts, check_tokens
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # what the page must not wait for: the template engine, the grammars' compiler
    from llamapack_runtime.chat.session import Vocabulary
    from llamapack_runtime.engine.grammar import Grammar

Text = str | tuple[str | int, ...]  # tokens are numbers


def prompts_of(value: Any) -> list[Text]:
    """BadRequest when it is none of these or none at all, 501 for images and sound."""
    is_several = isinstance(value, list) and not any(type(item) is int for item in value)
    found = [_one(item) for item in (value if is_several else [value])]
    check_prompts(found)
    return found


def text_of(value: Any, name: str) -> Text:
    """A text, a list of tokens, or both mixed. BadRequest otherwise."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(type(item) in (int, str) for item in value):
        return tuple(value)
    message = f"'{name}' must be a text, a list of tokens, or a list of texts and tokens."
    raise BadRequest(message, name, "invalid_type")


def tokens_of(
    vocabulary: Vocabulary,
    text: Text,
    param: str,
    *,
    add_special: bool = True,
    parse_special: bool = True,
) -> tuple[int, ...]:
    """A text that comes first gets BOS where the model wants one. BadRequest, which names
    `param`, for a token that the model does not have."""
    parts = (text,) if isinstance(text, str) else text
    check_tokens(vocabulary, [part for part in parts if isinstance(part, int)], param)
    return tuple(_tokens(vocabulary, parts, add_special, parse_special))


def text_of_tokens(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """Control tokens with their names; what is no UTF-8 is replaced."""
    return b"".join(map(vocabulary.named_piece, tokens)).decode("utf-8", "replace")


def prepared(vocabulary: Vocabulary, tokens: tuple[int, ...], grammar: Grammar | None) -> Prompt:
    """With the text that the reply shows."""
    return Prompt(tokens, text_of_tokens(vocabulary, tokens), grammar=grammar)


def _one(value: Any) -> Text:
    if isinstance(value, dict):
        unknown = value.keys() - {"prompt_string", "multimodal_data"}
        if unknown:
            raise UnknownParameter(f"prompt.{min(unknown)}")
        if value.get("multimodal_data"):
            raise TextOnly("images or sound", "prompt.multimodal_data")
        return text_of(value.get("prompt_string"), "prompt.prompt_string")
    found = text_of(value, "prompt")
    if not found and not isinstance(found, str):
        raise BadRequest("'prompt' must not be empty.", "prompt")
    return found


def _tokens(
    vocabulary: Vocabulary, parts: Sequence[str | int], add_special: bool, parse_special: bool
) -> Iterator[int]:
    for index, part in enumerate(parts):
        if isinstance(part, int):
            yield part
        else:
            opens = add_special and index == 0
            yield from vocabulary.tokenize(part, add_special=opens, parse_special=parse_special)
