"""A draft model without a model, whose time is counted, and an engine's loop around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llamapack_runtime.engine.draft_context import Guess
from llamapack_runtime.engine.drafter import DEFAULT_LIMITS, Drafter, DraftLimits, Wanted
from llamapack_runtime.engine.errors import DecodeError

N_VOCAB = 1000
END = 999


class FakeDraft:
    """Guesses what `next_token` says of the tokens before, and is as sure of it as `probability`.
    Strict about positions and room. A read takes `guess_s`, and `read_s` for each token more."""

    def __init__(
        self,
        next_token: Callable[[Sequence[int]], int],
        *,
        n_ctx: int = 4096,
        guess_s: float = 0.005,
        read_s: float = 0.0005,
        probability: float = 0.95,
    ) -> None:
        self.n_ctx, self.n_seq_max, self.n_batch, self.n_vocab = n_ctx, 4, 64, N_VOCAB
        self.now_s = 0.0
        self.slots: dict[int, list[int]] = {slot: [] for slot in range(4)}
        self.fails = self.is_interrupted = self.is_closed = False
        self.n_read = 0
        self._next = next_token
        self._guess_s, self._read_s = guess_s, read_s
        self._probability = probability

    def clock(self) -> float:
        return self.now_s

    def read(self, slot: int, start: int, tokens: Sequence[int]) -> Guess | None:
        if self.fails:
            raise DecodeError("It failed.")
        if self.is_interrupted:
            return None
        held = self.slots[slot]
        assert start == len(held), "tokens follow each other"
        assert 0 < len(tokens) <= self.n_batch
        assert all(0 <= token < self.n_vocab for token in tokens)
        held.extend(tokens)
        assert sum(map(len, self.slots.values())) <= self.n_ctx, "no cell is left"
        self.n_read += len(tokens)
        self.now_s += self._guess_s + self._read_s * (len(tokens) - 1)
        return Guess(self._next(held), self._probability)

    def forget(self, slot: int, start: int) -> None:
        del self.slots[slot][start:]

    def interrupt(self) -> None:
        self.is_interrupted = True

    def close(self) -> None:
        self.is_closed = True


def drafter_of(draft: FakeDraft, limits: DraftLimits = DEFAULT_LIMITS) -> Drafter:
    return Drafter(
        draft,
        "small",
        guess_s=0.005,
        n_vocab=N_VOCAB,
        is_end=lambda token: token == END,
        limits=limits,
        clock=draft.clock,
    )


@dataclass(slots=True)
class Loop:
    """Generates what `text` says, with the steps that guesses save. `step_s`: of so many tokens."""

    drafter: Drafter
    draft: FakeDraft
    text: Callable[[Sequence[int]], int]
    step_s: Callable[[int], float]
    n_others: int = 0
    n_sent: int = 0
    n_right: int = 0
    n_steps: int = 0
    widest: int = 0
    tokens: dict[str, list[int]] = field(default_factory=dict)

    def run(self, request_id: str, prompt: Sequence[int], count: int) -> list[int]:
        """The answer."""
        tokens = self.tokens[request_id] = [*prompt]
        while len(tokens) < len(prompt) + count:
            self.step(request_id, len(prompt) + count - len(tokens) - 1)
        self.drafter.leave(request_id)
        return tokens[len(prompt) :]

    def step(self, request_id: str, room: int = 48) -> tuple[int, ...]:
        tokens = self.tokens[request_id]
        wanted = Wanted(request_id, tokens, 64, self.n_others, room)
        guesses = self.drafter.propose(wanted, self.step_s)
        assert len(guesses) <= max(0, room)
        self.draft.now_s += self.step_s(1 + self.n_others + len(guesses))
        self.n_steps += 1
        self.n_sent += len(guesses)
        self.widest = max(self.widest, len(guesses))
        for guess in (*guesses, None):
            tokens.append(self.text(tokens))
            if guess != tokens[-1]:
                break
            self.n_right += 1
        return guesses
