"""OpenAI's replies for chat and completion: the envelope around their choices."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from llamapack_runtime.api.answer import Ended, Said, WholeChoice
from llamapack_runtime.api.openai.shapes import Shape
from llamapack_runtime.api.openai.usage import combined, timings, usage

Json = dict[str, object]


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Reply:
    """Composes what goes to the client for one request. `n` choices share a prompt; None: all."""

    shape: Shape
    model: str
    fingerprint: str
    n: int | None = None
    reply_id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=_now)

    def whole(self, choices: Sequence[WholeChoice], kept: Iterable[int] | None = None) -> Json:
        """Only those of `kept` are shown, in order, but all of them count."""
        shown = range(len(choices)) if kept is None else kept
        return self._envelope(self.shape.whole_object) | {
            "choices": [self.shape.whole(i, choices[one]) for i, one in enumerate(shown)],
            **self._totals([choice.end for choice in choices]),
        }

    def openings(self, choices: Iterable[int]) -> list[Json]:
        openings = map(self.shape.opening, choices)
        return [self._chunk(opening) for opening in openings if opening is not None]

    def said(self, index: int, said: Said) -> list[Json]:
        return [self._chunk(choice) for choice in self.shape.said(index, said)]

    def progress(self, index: int, progress: Json) -> Json:
        return self._chunk(self.shape.nothing(index)) | {"prompt_progress": progress}

    def closing(self, index: int, end: Ended) -> Json:
        return self._chunk(self.shape.closing(index, end)) | {"timings": timings(end.finished)}

    def usage(self, ends: Mapping[int, Ended]) -> Json:
        """The chunk after the last choice, for clients that asked for it."""
        in_order = [ends[index] for index in sorted(ends)]
        return self._envelope(self.shape.chunk_object) | {"choices": [], **self._totals(in_order)}

    def _totals(self, ends: Sequence[Ended]) -> Json:
        end = combined(ends, self.n)
        reasoning_tokens = sum(one.reasoning_tokens for one in ends)
        return {"usage": usage(end, reasoning_tokens), "timings": timings(end)}

    def _chunk(self, choice: Json) -> Json:
        return self._envelope(self.shape.chunk_object) | {"choices": [choice]}

    def _envelope(self, name: str) -> Json:
        return {
            "id": self.shape.id_prefix + self.reply_id,
            "object": name,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }
