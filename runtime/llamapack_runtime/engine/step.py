"""One step of the engine: what the scheduler decides and a backend computes. Pure data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.types import Adapters

# no_slot: the cache had no room, nothing was computed. aborted: interrupted, in part computed.
DecodeOutcome = Literal["ok", "no_slot", "aborted"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`tokens` that come after the first `start` of the sequence in `slot`. The last `n_logits` of
    them get a row of logits each; all but the first of these rows belong to guesses, so the last
    `n_logits - 1` tokens may turn out wrong. With `media` they stand for rows of it. `folded`: by
    how much the position of the first one is below `start`, see `places`."""

    request_id: str
    slot: int
    start: int
    tokens: tuple[int, ...]
    n_logits: int
    media: MediaSpan | None = None
    folded: int = 0

    @property
    def position(self) -> int:
        """Of the first token."""
        return self.start - self.folded

    @property
    def positions(self) -> Sequence[int]:
        """Of all tokens, as the cache counts them."""
        if self.media is not None and self.media.columns:
            return [self.position] * len(self.tokens)
        return range(self.position, self.position + len(self.tokens))

    @property
    def drafts(self) -> tuple[int, ...]:
        return self.tokens[len(self.tokens) - self.n_logits + 1 :] if self.n_logits > 1 else ()


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the tokens of a slot from the position `start` on."""

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
    """Keep a copy of the slot's state, which holds exactly `tokens`, read with `adapters`; `keep`:
    for good."""

    slot: int
    tokens: tuple[int, ...]
    keep: bool = False
    adapters: Adapters = ()


@dataclass(frozen=True, slots=True)
class Restore:
    """Fill an empty slot from the saved state `key`."""

    request_id: str
    slot: int
    key: int


Operation = Remove | Copy | Shift | Save | Restore


@dataclass(frozen=True, slots=True)
class Step:
    """First the operations, one after another, then the chunks in one batch, all of them with
    `adapters`. `begins_turn`: the step before had others."""

    operations: tuple[Operation, ...]
    chunks: tuple[Chunk, ...]
    n_prompt_tokens: int = 0  # the others are generated, or guessed
    adapters: Adapters = ()
    begins_turn: bool = False

    @property
    def n_tokens(self) -> int:
        return sum(len(chunk.tokens) for chunk in self.chunks)

    def with_rows(self) -> Iterator[tuple[Chunk, int]]:
        """Each chunk of text with its first row of logits: an index among all such tokens."""
        end = 0
        for chunk in self.chunks:
            if chunk.media is not None:
                continue
            end += len(chunk.tokens)
            yield chunk, end - chunk.n_logits
