"""The seam between the engine's loop and what computes: llama.cpp here, a fake in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampler import LlamaSampler
from llamapack_runtime.engine.step import Chunk, DecodeOutcome
from llamapack_runtime.engine.types import SamplingParams


class Sampler(Protocol):
    """The state of one request's sampling. It outlives the request's stay in a slot."""

    def sample(self, row: int) -> int:
        """Choose a token from a row of the last decode's logits, and remember it."""

    def close(self) -> None: ...


class Backend(Protocol):
    """Called on the engine thread alone, except `interrupt`."""

    @property
    def n_ctx(self) -> int:
        """Cells of the cache, and so the longest sequence."""

    @property
    def n_seq_max(self) -> int:
        """Slots: sequences in the cache at once."""

    @property
    def n_batch(self) -> int:
        """The most tokens in one decode; at least n_seq_max."""

    @property
    def n_vocab(self) -> int: ...

    def decode(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        """Compute one batch. DecodeError when it failed for a reason that will not pass."""

    def remove(self, slot: int) -> None:
        """Forget all tokens of a slot."""

    def create_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int]) -> Sampler: ...

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...

    def interrupt(self) -> None:
        """From any thread: the running decode and all later ones return "aborted" soon."""

    def close(self) -> None:
        """Free the context. The model stays open."""


class LlamaBackend:
    """llama.cpp. Takes over `context` and closes it; `model` stays the caller's."""

    def __init__(self, model: Model, context: Context) -> None:
        self._model = model
        self._context = context
        self.n_ctx = context.n_ctx
        self.n_seq_max = context.n_seq_max
        self.n_batch = context.n_batch
        self.n_vocab = model.n_vocab
        self.decode = context.decode
        self.interrupt = context.interrupt
        self.close = context.close
        self.piece = model.piece
        self.is_end = model.is_end

    def remove(self, slot: int) -> None:
        self._context.remove(slot, -1, -1)

    def create_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int]) -> Sampler:
        return LlamaSampler(self._context, params, prompt_tokens)
