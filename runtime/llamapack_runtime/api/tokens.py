"""What every dialect checks of the tokens and prompts that a client sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import BadRequest

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Vocabulary

MAX_PROMPTS = 64


def check_tokens(vocabulary: Vocabulary, tokens: Sequence[int], param: str) -> None:
    """BadRequest for one that the model does not have."""
    if not tokens:
        return
    n_vocab = vocabulary.n_vocab
    if not 0 <= min(tokens) <= max(tokens) < n_vocab:
        wrong = next(token for token in tokens if not 0 <= token < n_vocab)
        message = f"'{param}' has the token {wrong}; there are tokens from 0 to {n_vocab - 1}."
        raise BadRequest(message, param)


def check_prompts(prompts: Sequence[object]) -> None:
    """BadRequest for none, and for too many."""
    if not prompts:
        raise BadRequest("'prompt' is empty; send a text or tokens.", "prompt")
    if len(prompts) > MAX_PROMPTS:
        message = f"'prompt' has {len(prompts)} prompts; at most {MAX_PROMPTS} are possible."
        raise BadRequest(message, "prompt")
