"""Ollama's replies for chat and generate, whole and line by line. Durations are nanoseconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llamapack_runtime.api.answer import Ended
from llamapack_runtime.api.calls import arguments_of
from llamapack_runtime.chat.types import ToolCall
from llamapack_runtime.engine.types import Candidate, Finished, SampledToken

Json = dict[str, object]


def timestamp(unix_ns: int | None = None) -> str:
    """RFC 3339 in UTC, with nanoseconds; of now by default."""
    seconds, nanoseconds = divmod(time.time_ns() if unix_ns is None else unix_ns, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer, or all of it."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    first_call: int = 0  # the number of the first of the calls within the answer
    tokens: tuple[SampledToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Composes what goes to the client for one request. `model` is the name that was asked for.
    `prompt_tokens` are there when the reply tells its context, with the tokens of the answer."""

    model: str
    is_chat: bool
    prompt_tokens: tuple[int, ...] | None = None
    started_ns: int = field(default_factory=time.monotonic_ns)

    def line(self, piece: Piece) -> Json:
        return self._begin(piece) | {"done": False} | _logprobs(piece.tokens)

    def last(self, piece: Piece, end: Ended, tokens: Sequence[SampledToken]) -> Json:
        """With the measures. `tokens` are all of the answer's."""
        reason = "length" if end.reason == "length" else "stop"
        return (
            self._begin(piece)
            | {"done": True, "done_reason": reason}
            | self._context(tokens)
            | _logprobs(piece.tokens)
            | self._measures(end.finished)
        )

    def without_answer(self, reason: str) -> Json:
        """To a request that asks nothing: the model is to be loaded, or may be unloaded."""
        return self._begin(Piece()) | {"done": True, "done_reason": reason}

    def _begin(self, piece: Piece) -> Json:
        begun: Json = {"model": self.model, "created_at": timestamp()}
        thinking: Json = {"thinking": piece.thinking} if piece.thinking else {}
        if not self.is_chat:
            return begun | {"response": piece.text} | thinking
        calls = [_call(piece.first_call + i, call) for i, call in enumerate(piece.tool_calls)]
        message: Json = {"role": "assistant", "content": piece.text} | thinking
        return begun | {"message": message | ({"tool_calls": calls} if calls else {})}

    def _context(self, tokens: Sequence[SampledToken]) -> Json:
        if self.prompt_tokens is None:
            return {}
        return {"context": [*self.prompt_tokens, *(sampled.token for sampled in tokens)]}

    def _measures(self, end: Finished) -> Json:
        return {
            "total_duration": time.monotonic_ns() - self.started_ns,
            "load_duration": 0,  # the model is there before the first request
            "prompt_eval_count": end.prompt_tokens,
            "prompt_eval_duration": _nanoseconds(end.prompt_s),
            "eval_count": end.completion_tokens,
            "eval_duration": _nanoseconds(end.completion_s),
        }


def complete_calls(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    """Without one that the end of the answer has cut off."""
    return tuple(call for call in calls if arguments_of(call) is not None)


def _call(index: int, call: ToolCall) -> Json:
    function = {"index": index, "name": call.name, "arguments": arguments_of(call)}
    return {"id": call.id, "function": function}


def _logprobs(tokens: Sequence[SampledToken]) -> Json:
    listed = [
        _logprob(sampled.chosen) | {"top_logprobs": [_logprob(one) for one in sampled.top]}
        if sampled.top
        else _logprob(sampled.chosen)
        for sampled in tokens
        if sampled.chosen is not None
    ]
    return {"logprobs": listed} if listed else {}


def _logprob(candidate: Candidate) -> Json:
    return {
        "token": candidate.piece.decode("utf-8", "replace"),
        "logprob": candidate.logprob,
        "bytes": list(candidate.piece),
    }


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
