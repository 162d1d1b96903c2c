"""The prompts of a completion: texts or tokens, one or several, to continue or to fill in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.formats import to_format
from llamapack_runtime.api.llamacpp.infill import Gap, infill_prompt
from llamapack_runtime.api.openai.requests import CompletionRequest
from llamapack_runtime.api.text_grammar import text_grammar
from llamapack_runtime.api.tokens import check_prompts, check_tokens
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

Given = str | tuple[int, ...]


def to_prompts(session: Session, request: CompletionRequest) -> list[Prompt]:
    """BadRequest when one of them is neither a text nor tokens, or for a format that cannot be
    followed. Blocking."""
    grammar = text_grammar(session.vocabulary, to_format(request, request.response_format))
    prompts = [_prompt(session, request, given) for given in split(request.prompt)]
    return [replace(prompt, grammar=grammar) for prompt in prompts]


def split(prompt: str | list[Any]) -> list[Given]:
    """A list of numbers is one prompt, of texts or of lists several."""
    if isinstance(prompt, str) or (prompt and all(type(item) is int for item in prompt)):
        return [_given(prompt)]
    check_prompts(prompt)
    return [_given(item) for item in prompt]


def text_of(session: Session, prompt: Prompt) -> str:
    """What `echo` repeats."""
    if prompt.text:
        return prompt.text
    pieces = map(session.vocabulary.piece, prompt.tokens)
    return b"".join(pieces).decode("utf-8", "replace")


def _given(item: Any) -> Given:
    if isinstance(item, str):
        return item
    if isinstance(item, list) and all(type(token) is int for token in item):
        return tuple(item)
    message = "'prompt' must be a text or a list of tokens, or a list of such."
    raise BadRequest(message, "prompt", "invalid_type")


def _prompt(session: Session, request: CompletionRequest, given: Given) -> Prompt:
    if request.suffix:
        return Prompt(_infill(session, request, given, request.suffix))
    if isinstance(given, str):
        tokens = _tokens(session, given, request)
        return _truncated(Prompt(tokens, given), request, session)
    check_tokens(session.vocabulary, given, "prompt")
    return _truncated(Prompt(given), request, session)


def _tokens(session: Session, text: str, request: CompletionRequest) -> tuple[int, ...]:
    if request.add_special_tokens is False:
        return session.vocabulary.tokenize(text, add_special=False, parse_special=True)
    return session.text_prompt(text)


def _truncated(prompt: Prompt, request: CompletionRequest, session: Session) -> Prompt:
    limit = request.truncate_prompt_tokens
    if limit is None or len(prompt.tokens) <= limit:
        return prompt
    if limit == 0:
        message = "'truncate_prompt_tokens' must be -1 or at least 1."
        raise BadRequest(message, "truncate_prompt_tokens")
    limit = session.n_ctx if limit == -1 else limit
    # Without its text: `echo` then repeats what is left of it.
    return replace(prompt, tokens=prompt.tokens[-limit:], text="")


def _infill(
    session: Session, request: CompletionRequest, given: Given, suffix: str
) -> tuple[int, ...]:
    if not isinstance(given, str):
        raise BadRequest("'suffix' needs a prompt that is a text.", "suffix")
    marks = session.vocabulary.infill_tokens
    if marks.prefix is None or marks.suffix is None or marks.middle is None:
        message = "'suffix': this model was not made to fill gaps; leave it out."
        raise BadRequest(message, "suffix", "unsupported_parameter")
    gap = Gap(prefix=given, suffix=suffix)
    return infill_prompt(
        session.vocabulary, gap, n_ctx=session.n_ctx, max_tokens=max(request.token_limit or 0, 0)
    )
