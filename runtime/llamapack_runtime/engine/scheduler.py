"""Decides what each step computes: continuous batching over one cache of `n_ctx` cells.

Pure: no clock, no threads, no native code. Knows tokens, slots and cells; nothing of text.

A request waits, runs in a slot, and leaves. Running, it has tokens of which the first `n_cached`
are in the cache; a step adds a part of the rest, and when all are in, the next token is sampled:

    tokens  [ prompt ............ | generated ....... ]
            [ n_cached ........ ][ pending .......... ]   pending = 1 while it generates
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from llamapack_runtime.engine.step import Chunk, Step
from llamapack_runtime.engine.types import FinishReason, Request

# Cells that a sequence is expected to need beyond its tokens when it is admitted.
EXPECTED_GROWTH = 64


@dataclass(slots=True)
class Sequence:
    """A request on its way. `arrival` counts up; `slot` is None while it waits."""

    request: Request
    arrival: int
    tokens: list[int]
    slot: int | None = None
    n_cached: int = 0

    @property
    def n_generated(self) -> int:
        return len(self.tokens) - len(self.request.prompt_tokens)

    @property
    def n_pending(self) -> int:
        return len(self.tokens) - self.n_cached

    @property
    def expected_cells(self) -> int:
        limit = self.request.max_tokens
        growth = EXPECTED_GROWTH if limit is None else limit - self.n_generated
        return len(self.tokens) + min(growth, EXPECTED_GROWTH)


class Scheduler:
    """First come, first served, and nobody overtakes: whatever runs arrived before whatever
    waits. Under pressure the youngest running sequence goes back to the head of the queue and
    is computed again later."""

    def __init__(self, *, n_ctx: int, n_seq_max: int, max_waiting: int) -> None:
        self.n_ctx = n_ctx
        self.n_seq_max = n_seq_max
        self._max_held = n_seq_max + max_waiting
        self._arrivals = 0
        self._waiting: deque[Sequence] = deque()
        self._running: dict[str, Sequence] = {}  # oldest first
        self._free_slots = list(range(n_seq_max))
        self._to_clear: list[int] = []

    @property
    def has_work(self) -> bool:
        return bool(self._running or self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether another request would exceed the slots and the bounded queue together."""
        return len(self._running) + len(self._waiting) >= self._max_held

    @property
    def is_generating(self) -> bool:
        return any(s.n_generated and s.n_pending == 1 for s in self._running.values())

    @property
    def n_running(self) -> int:
        return len(self._running)

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def kv_used(self) -> int:
        return sum(sequence.n_cached for sequence in self._running.values())

    def submit(self, request: Request) -> None:
        """Queue a request whose prompt has 1 to `n_ctx` tokens. Ask `is_full` first."""
        assert not self.is_full, "the queue is bounded; ask is_full before submit"
        assert 0 < len(request.prompt_tokens) <= self.n_ctx, "the prompt must fit the context"
        sequence = Sequence(request, self._arrivals, list(request.prompt_tokens))
        self._arrivals += 1
        self._waiting.append(sequence)

    def plan(self, token_budget: int) -> Step:
        """The next step: one token of each generating sequence, then prompts, oldest first, until
        the step has `token_budget` tokens. Even a smaller budget moves every generating sequence
        and one prompt on by a token, so a step has up to max(token_budget, n_seq_max) tokens."""
        self._admit()
        self._make_room()
        step = Step(tuple(self._to_clear), tuple(self._chunks(token_budget)))
        self._to_clear.clear()
        return step

    def complete(self, step: Step) -> None:
        """The step was computed: its tokens are in the cache."""
        for chunk in step.chunks:
            self._running[chunk.request_id].n_cached += len(chunk.tokens)

    def append(self, request_id: str, token: int) -> FinishReason | None:
        """The token sampled after a chunk that wanted logits. "length" if it is the last one,
        because of `max_tokens` or because the context has no cell for it."""
        sequence = self._running[request_id]
        assert sequence.n_pending == 0, "a token is sampled when all before it are in the cache"
        sequence.tokens.append(token)
        at_limit = sequence.n_generated == sequence.request.max_tokens
        return "length" if at_limit or len(sequence.tokens) > self.n_ctx else None

    def release(self, request_id: str) -> None:
        """Forget a request, running or waiting; its slot and cells are free for the next step."""
        sequence = self._running.pop(request_id, None)
        if sequence is not None:
            self._vacate(sequence)
        else:
            self._waiting = deque(s for s in self._waiting if s.request.request_id != request_id)

    def pause_youngest(self) -> str | None:
        """Send the youngest of several running sequences back to the queue: the backend had no
        room for a step. The id of a lone one instead, which has nobody to make room for it."""
        if len(self._running) == 1:
            return next(iter(self._running))
        self._pause(next(reversed(self._running.values())))
        return None

    def sequence(self, request_id: str) -> Sequence:
        """The running sequence of a request."""
        return self._running[request_id]

    def _admit(self) -> None:
        expected = sum(s.expected_cells for s in self._running.values())
        while self._waiting and self._free_slots:
            sequence = self._waiting[0]
            expected += sequence.expected_cells
            if self._running and expected > self.n_ctx:
                return
            self._waiting.popleft()
            sequence.slot = self._free_slots.pop(0)
            self._running[sequence.request.request_id] = sequence

    def _make_room(self) -> None:
        """Each running sequence needs a cell to move on by one token; a lone one always has it."""
        while self._running and self.kv_used + len(self._running) > self.n_ctx:
            assert len(self._running) > 1, "a sequence is finished before it outgrows the context"
            self._pause(next(reversed(self._running.values())))

    def _pause(self, sequence: Sequence) -> None:
        del self._running[sequence.request.request_id]
        self._vacate(sequence)
        sequence.n_cached = 0
        sequence.slot = None
        self._waiting.appendleft(sequence)

    def _vacate(self, sequence: Sequence) -> None:
        assert sequence.slot is not None, "a running sequence has a slot"
        self._free_slots.append(sequence.slot)
        self._to_clear.append(sequence.slot)

    def _chunks(self, token_budget: int) -> Iterator[Chunk]:
        singles = [s for s in self._running.values() if s.n_pending == 1]
        prompts = [s for s in self._running.values() if s.n_pending > 1]
        yield from (_chunk(sequence, 1) for sequence in singles)
        budget = max(1, token_budget - len(singles))
        cells = self.n_ctx - self.kv_used - len(singles)
        for sequence in prompts:
            count = min(sequence.n_pending, budget, cells)
            if count <= 0:
                return
            yield _chunk(sequence, count)
            budget -= count
            cells -= count

    def check_integrity(self) -> None:
        """Assert what must hold between any two calls."""
        running = list(self._running.values())
        slots = [s.slot for s in running if s.slot is not None]
        assert len(slots) == len(running), "a running sequence has a slot"
        assert sorted(slots + self._free_slots) == list(range(self.n_seq_max))
        assert all(0 <= s.n_cached <= len(s.tokens) <= self.n_ctx + 1 for s in running)
        assert self.kv_used <= self.n_ctx
        assert all(s.slot is None and s.n_cached == 0 for s in self._waiting)
        arrivals = [s.arrival for s in running] + [s.arrival for s in self._waiting]
        assert arrivals == sorted(set(arrivals)), "somebody overtook"
        assert len(arrivals) <= self._max_held


def _chunk(sequence: Sequence, count: int) -> Chunk:
    start = sequence.n_cached
    assert sequence.slot is not None, "a running sequence has a slot"
    return Chunk(
        request_id=sequence.request.request_id,
        slot=sequence.slot,
        start=start,
        tokens=tuple(sequence.tokens[start : start + count]),
        wants_logits=count == sequence.n_pending,
    )
