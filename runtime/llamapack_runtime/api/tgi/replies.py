"""Text-generation-inference's replies, whole and in pieces."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llamapack_runtime.api.answer import ChoiceEvent, Ended, Said, WholeChoice
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.openai.logprobs import LEAST
from llamapack_runtime.api.sse import KEEP_ALIVE, frame
from llamapack_runtime.api.tgi.errors import as_dict
from llamapack_runtime.chat.parts import Content
from llamapack_runtime.engine.types import Candidate, Finished, SampledToken

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """`opening`: what the generated text begins with (return_full_text). `is_special`: of a token,
    whether it has no text of its own. `end_token`: what an answer of no tokens shows."""

    is_special: Callable[[int], bool]
    end_token: int
    opening: str = ""
    seed: int | None = None
    has_details: bool = False
    has_top: bool = False

    def whole(self, best: WholeChoice, others: Sequence[WholeChoice] = ()) -> Json:
        """`others`: of which `best` is the best."""
        details = self._details(best) | {"prefill": []}
        if others:
            sequences = [self._sequence(one) for one in others]
            details["best_of_sequences"] = sequences
        shown: Json = {"generated_text": self.opening + best.content}
        return shown | ({"details": details} if self.has_details else {})

    def piece(self, index: int, token: SampledToken, text: str) -> Json:
        """One token of a stream."""
        shown: Json = {"index": index, "token": self.token(token, text)}
        if self.has_top:
            shown["top_tokens"] = self._top(token)
        return shown | {"generated_text": None, "details": None}

    def last(self, piece: Json, text: str, end: Finished) -> Json:
        """The last token of a stream that said `text`."""
        details = self._end(end) | {"input_length": end.prompt_tokens}
        return piece | {"generated_text": self.opening + text, "details": details}

    def token(self, sampled: SampledToken, text: str | None = None) -> Json:
        chosen = sampled.chosen
        if text is None:
            text = "" if chosen is None else chosen.piece.decode("utf-8", "replace")
        return self._token(sampled.token, text, 0.0 if chosen is None else chosen.logprob)

    def _token(self, number: int, text: str, logprob: float) -> Json:
        logprob = max(logprob, LEAST)
        is_special = self.is_special(number)
        return {"id": number, "text": text, "logprob": logprob, "special": is_special}

    def _top(self, sampled: SampledToken) -> list[Json]:
        return [self._candidate(one) for one in sampled.top]

    def _candidate(self, one: Candidate) -> Json:
        return self._token(one.token, one.piece.decode("utf-8", "replace"), one.logprob)

    def _sequence(self, choice: WholeChoice) -> Json:
        shown: Json = {"generated_text": self.opening + choice.content, "prefill": []}
        return shown | self._details(choice)

    def _details(self, choice: WholeChoice) -> Json:
        details = self._end(choice.end.finished)
        details["tokens"] = [self.token(one) for one in choice.tokens]
        if self.has_top:
            details["top_tokens"] = [self._top(one) for one in choice.tokens]
        return details

    def _end(self, end: Finished) -> Json:
        reason = "length"
        if end.reason != "length":
            reason = "eos_token" if end.stop_sequence is None else "stop_sequence"
        n_tokens = end.completion_tokens
        return {"finish_reason": reason, "generated_tokens": n_tokens, "seed": self.seed}


class TokenStream:
    """One event for each token. The latest waits for the next one, because the last token comes
    with the whole text and the end."""

    keep_alive = KEEP_ALIVE

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held: Json | None = None
        self._count = 0
        self._text: list[str] = []

    def opening(self, choices: range) -> bytes:  # noqa: ARG002 - one, always
        return b""

    def event(self, one: ChoiceEvent) -> bytes:
        if not isinstance(one.event, Said):
            return b""
        self._text += [part.text for part in one.event.parts if isinstance(part, Content)]
        return b"".join(map(self._next, one.event.tokens))

    def closing(self, ends: Mapping[int, Ended]) -> bytes:
        held = self._held
        if held is None:
            none = SampledToken(self._reply.end_token)
            held = self._reply.piece(1, none, "")
        text = "".join(self._text)
        return frame(self._reply.last(held, text, ends[0].finished))

    def error(self, error: ApiError) -> bytes:
        return frame(as_dict(error))

    def _next(self, token: SampledToken) -> bytes:
        """What is no whole character yet comes with the token that ends it."""
        held = self._held
        self._count += 1
        piece = b"" if token.chosen is None else token.chosen.piece
        self._held = self._reply.piece(self._count, token, self._decoder.decode(piece))
        return b"" if held is None else frame(held)
