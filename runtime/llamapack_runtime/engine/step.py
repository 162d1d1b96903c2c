"""One step of the engine: what the scheduler decides and a backend computes. Pure data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# no_slot: the cache had no room, nothing was computed. aborted: interrupted, in part computed.
DecodeOutcome = Literal["ok", "no_slot", "aborted"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`tokens` that go to positions `start`, `start + 1`, … of the sequence in `slot`. The last
    `n_logits` of them get a row of logits each; all but the first of these rows belong to guesses,
    so the last `n_logits - 1` tokens may turn out wrong."""

    request_id: str
    slot: int
    start: int
    tokens: tuple[int, ...]
    n_logits: int

    @property
    def drafts(self) -> tuple[int, ...]:
        return self.tokens[len(self.tokens) - self.n_logits + 1 :] if self.n_logits > 1 else ()


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the tokens of a slot from `start` on."""

    slot: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """Let `target` share the cells of `source` at the positions from `start` to before `end`."""

    source: int
    target: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shift:
    """Forget the positions from `start` to before `end` and move the later ones up."""

    slot: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Save:
    """Keep a copy of the slot's state, which holds exactly `tokens`; `keep`: for good."""

    slot: int
    tokens: tuple[int, ...]
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Restore:
    """Fill an empty slot from the saved state `key`."""

    request_id: str
    slot: int
    key: int


Operation = Remove | Copy | Shift | Save | Restore


@dataclass(frozen=True, slots=True)
class Step:
    """First the operations, one after another, then the chunks in one batch."""

    operations: tuple[Operation, ...]
    chunks: tuple[Chunk, ...]
    n_prompt_tokens: int = 0  # the others are generated, or guessed

    @property
    def n_tokens(self) -> int:
        return sum(len(chunk.tokens) for chunk in self.chunks)

    def with_rows(self) -> Iterator[tuple[Chunk, int]]:
        """Each chunk with its first row of logits: an index among all tokens of the batch."""
        end = 0
        for chunk in self.chunks:
            end += len(chunk.tokens)
            yield chunk, end - chunk.n_logits
