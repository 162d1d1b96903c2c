"""One step of the engine: what the scheduler decides and a backend computes. Pure data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# no_slot: the cache had no room, nothing was computed. aborted: interrupted, in part computed.
DecodeOutcome = Literal["ok", "no_slot", "aborted"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`tokens` that go to positions `start`, `start + 1`, … of the sequence in `slot`. Only a
    chunk that `wants_logits` gets a row of logits, for its last token."""

    request_id: str
    slot: int
    start: int
    tokens: tuple[int, ...]
    wants_logits: bool


@dataclass(frozen=True, slots=True)
class Step:
    """First empty the `cleared` slots, then decode the chunks in one batch."""

    cleared: tuple[int, ...]
    chunks: tuple[Chunk, ...]

    @property
    def n_tokens(self) -> int:
        return sum(len(chunk.tokens) for chunk in self.chunks)

    def with_rows(self) -> Iterator[tuple[Chunk, int]]:
        """Each chunk with the row of its last token: its index among all tokens of the batch."""
        end = 0
        for chunk in self.chunks:
            end += len(chunk.tokens)
            yield chunk, end - 1
