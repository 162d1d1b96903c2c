"""Log probabilities as OpenAI's chat, its older completions and its responses show them."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from llamapack_runtime.engine.types import Candidate, SampledToken

Json = dict[str, object]

# What OpenAI says of a token that cannot come: JSON has no infinity.
LEAST = -9999.0


def token_logprobs(tokens: Sequence[SampledToken]) -> list[Json]:
    """One for each token, with the others that could have come. `id` is llama-server's."""
    return [
        _candidate(token.chosen) | {"top_logprobs": [_candidate(one) for one in token.top]}
        for token in tokens
        if token.chosen is not None
    ]


def chat_logprobs(tokens: Sequence[SampledToken]) -> Json:
    return {"content": token_logprobs(tokens), "refusal": None}


def mean_logprob(tokens: Sequence[SampledToken]) -> float:
    """Of a whole answer: how likely it was, whatever its length."""
    logprobs = [_bounded(token.chosen.logprob) for token in tokens if token.chosen is not None]
    return sum(logprobs) / len(logprobs) if logprobs else LEAST


class CompletionLogprobs:
    """For one choice, from its first token to its last: offsets count characters of its text. No
    others are listed (`top_logprobs` null) when `n_top` is 0."""

    def __init__(self, n_top: int) -> None:
        self._n_top = n_top
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(self, tokens: Sequence[SampledToken]) -> Json:
        chosen = [(token.chosen, token.top) for token in tokens if token.chosen is not None]
        offsets = [self._advance(one.piece) for one, _ in chosen]
        return {
            "tokens": [_text(one) for one, _ in chosen],
            "token_logprobs": [_bounded(one.logprob) for one, _ in chosen],
            "top_logprobs": [_by_text(one, top) for one, top in chosen] if self._n_top else None,
            "text_offset": offsets,
        }

    def _advance(self, piece: bytes) -> int:
        """Where the token begins."""
        begin = self._offset
        self._offset += len(self._decoder.decode(piece))
        return begin


def _by_text(chosen: Candidate, top: Sequence[Candidate]) -> dict[str, float]:
    """The chosen one is in it, also when it is not among the most likely."""
    return {_text(one): _bounded(one.logprob) for one in (*top, chosen)}


def _candidate(one: Candidate) -> Json:
    return {
        "id": one.token,
        "token": _text(one),
        "bytes": list(one.piece),
        "logprob": _bounded(one.logprob),
    }


def _text(one: Candidate) -> str:
    return one.piece.decode("utf-8", "replace")


def _bounded(logprob: float) -> float:
    return max(logprob, LEAST)
