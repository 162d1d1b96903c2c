"""OpenAI's replies for chat and completion: one shape for each, and its chunks.

`timings` are llama-server's: counts, milliseconds and tokens per second.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from llamapack_runtime.api.answer import WholeChoice
from llamapack_runtime.engine.types import Finished

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a dialect wraps text: the names, a choice of a whole reply and of a chunk. `opening` is
    the delta that goes first in a stream, before any text."""

    id_prefix: str
    whole_object: str
    chunk_object: str
    whole: Callable[[str], Json]
    chunk: Callable[[str], Json]
    opening: Json | None
    closing: Json


CHAT = Shape(
    id_prefix="chatcmpl-",
    whole_object="chat.completion",
    chunk_object="chat.completion.chunk",
    whole=lambda text: {"message": {"role": "assistant", "content": text, "refusal": None}},
    chunk=lambda text: {"delta": {"content": text}},
    opening={"delta": {"role": "assistant", "content": ""}},
    closing={"delta": {}},
)
COMPLETION = Shape(
    id_prefix="cmpl-",
    whole_object="text_completion",
    chunk_object="text_completion",
    whole=lambda text: {"text": text},
    chunk=lambda text: {"text": text},
    opening=None,
    closing={"text": ""},
)


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Reply:
    """Composes what goes to the client for one request."""

    shape: Shape
    model: str
    fingerprint: str
    reply_id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=_now)

    def whole(self, choices: Sequence[WholeChoice]) -> Json:
        end = combined([choice.end for choice in choices])
        return self._envelope(self.shape.whole_object) | {
            "choices": [
                self._choice(index, self.shape.whole(choice.text), choice.end.reason)
                for index, choice in enumerate(choices)
            ],
            "usage": usage(end),
            "timings": timings(end),
        }

    def openings(self, choices: Iterable[int]) -> list[Json]:
        opening = self.shape.opening
        return [] if opening is None else [self._chunk(index, opening) for index in choices]

    def text(self, index: int, text: str) -> Json:
        return self._chunk(index, self.shape.chunk(text))

    def closing(self, index: int, end: Finished) -> Json:
        return self._chunk(index, self.shape.closing, end.reason) | {"timings": timings(end)}

    def usage(self, ends: Sequence[Finished]) -> Json:
        """The chunk after the last choice, for clients that asked for it."""
        end, envelope = combined(ends), self._envelope(self.shape.chunk_object)
        return envelope | {"choices": [], "usage": usage(end), "timings": timings(end)}

    def _chunk(self, index: int, part: Json, reason: str | None = None) -> Json:
        envelope = self._envelope(self.shape.chunk_object)
        return envelope | {"choices": [self._choice(index, part, reason)]}

    def _choice(self, index: int, part: Mapping[str, object], reason: str | None) -> Json:
        return {"index": index, **part, "logprobs": None, "finish_reason": reason}

    def _envelope(self, name: str) -> Json:
        return {
            "id": self.shape.id_prefix + self.reply_id,
            "object": name,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }


def combined(ends: Sequence[Finished]) -> Finished:
    """Of all choices together. Their prompt counts once, as the one who read most of it met it;
    the choices ran side by side, so that the longest time is that of all."""
    reader = min(ends, key=lambda end: end.cached_tokens)
    return replace(
        reader,
        completion_tokens=sum(end.completion_tokens for end in ends),
        completion_s=max(end.completion_s for end in ends),
        draft_tokens=sum(end.draft_tokens for end in ends),
        accepted_tokens=sum(end.accepted_tokens for end in ends),
    )


def usage(end: Finished) -> Json:
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": end.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def timings(end: Finished) -> Json:
    read = end.prompt_tokens - end.cached_tokens
    return {
        "cache_n": end.cached_tokens,
        **_timing("prompt", read, end.prompt_s),
        **_timing("predicted", end.completion_tokens, end.completion_s),
        "draft_n": end.draft_tokens,
        "draft_n_accepted": end.accepted_tokens,
    }


def _timing(name: str, count: int, seconds: float) -> Json:
    milliseconds = seconds * 1000
    return {
        f"{name}_n": count,
        f"{name}_ms": round(milliseconds, 3),
        f"{name}_per_token_ms": round(milliseconds / count, 3) if count else 0.0,
        f"{name}_per_second": round(count / seconds, 3) if seconds > 0 else 0.0,
    }
