"""Stand-ins for a model that makes embeddings: deterministic, instant, strict about their use."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence

from fakes import ByteTokenizer
from llamapack_runtime.engine.embed_batches import Piece
from llamapack_runtime.engine.embed_texts import EmbedFacts, RerankForm, TextEmbedder
from llamapack_runtime.engine.embed_types import Pooling, Rows
from llamapack_runtime.engine.embedding import Embedder


class FakePooled:
    """An input's vector holds the mean of its tokens (with the pooling "last" the last token, with
    "cls" the first, and so on), a one, and zeros. It checks what llama.cpp would punish: batches
    within `n_batch`, positions without gaps, sequences that were not begun anew.

    `gate`: each step first waits for it. `computing` is set when a step begins. `outcomes`: what
    the next steps raise instead of computing."""

    def __init__(
        self,
        pooling: Pooling = "mean",
        *,
        n_embd: int = 4,
        n_batch: int = 16,
        n_sequences: int = 4,
        can_split: bool = True,
        gate: threading.Event | None = None,
    ) -> None:
        self.pooling = pooling
        self.n_embd = n_embd
        self.n_batch = n_batch
        self.n_sequences = n_sequences
        self.can_split = can_split
        self.gate = gate
        self.computing = threading.Event()
        self.is_interrupted = False
        self.is_closed = False
        self.batches: list[tuple[Piece, ...]] = []
        self.was_polite: list[bool] = []
        self.outcomes: list[Exception] = []
        self._lengths: dict[int, int] = {}

    def compute(self, pieces: Sequence[Piece], *, is_polite: bool) -> list[Rows] | None:
        assert not self.is_closed, "compute after close"
        self.computing.set()
        if self.gate is not None:
            assert self.gate.wait(timeout=30), "nobody opened the gate"
        if self.is_interrupted:
            return None
        if self.outcomes:
            raise self.outcomes.pop(0)
        assert 0 < sum(len(piece.tokens) for piece in pieces) <= self.n_batch
        assert len({piece.slot for piece in pieces}) == len(pieces) <= self.n_sequences
        for piece in pieces:
            assert self._lengths.get(piece.slot, 0) == piece.start, "positions have a gap"
            self._lengths[piece.slot] = piece.start + len(piece.tokens)
        self.batches.append(tuple(pieces))
        self.was_polite.append(is_polite)
        return [self._rows(piece.tokens) for piece in pieces]

    def forget(self) -> None:
        self._lengths.clear()

    def interrupt(self) -> None:
        self.is_interrupted = True
        if self.gate is not None:
            self.gate.set()

    def close(self) -> None:
        self.is_closed = True

    def _rows(self, tokens: Sequence[int]) -> Rows:
        match self.pooling:
            case "none":
                return tuple(self._vector(token) for token in tokens)
            case "mean":
                return (self._vector(sum(tokens) / len(tokens)),)
            case "cls":
                return (self._vector(tokens[0]),)
            case "last":
                return (self._vector(tokens[-1]),)
            case "rank":
                return (array("f", [tokens[-1]]),)

    def _vector(self, value: float) -> array[float]:
        return array("f", [value, 1.0] + [0.0] * (self.n_embd - 2))


def fake_embedder(
    pooling: Pooling = "mean",
    *,
    n_embd: int = 4,
    max_tokens: int = 40,
    normalize: int = 2,
    form: RerankForm | None = None,
    pooled: FakePooled | None = None,
) -> TextEmbedder:
    """Texts as bytes, with a BOS before them; whoever makes it closes it."""
    context = pooled or FakePooled(pooling, n_embd=n_embd)
    facts = EmbedFacts(pooling, n_embd, max_tokens, normalize)
    embedder = Embedder(lambda: context, pooling)
    return TextEmbedder(embedder, ByteTokenizer(), facts, form or RerankForm())
