"""Decides what each step computes: continuous batching over one cache of `n_ctx` cells.

Pure: no clock, no threads, no native code. Knows tokens, slots and cells; nothing of text.

Each step moves every generating sequence on, then reads prompts: the shortest rest first, and who
waits becomes more urgent. A prompt begins with whatever the cache or a saved state holds of it, and
waits for one that is just reading what both have in common. Under pressure idle sequences go first;
then the youngest running one returns to the queue, and nobody fails because of another. Requests
with different adapters take turns: a step is for one set of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from llamapack_runtime.engine.media import run_length, span_of
from llamapack_runtime.engine.places import Places
from llamapack_runtime.engine.residents import Residents
from llamapack_runtime.engine.sequence import Sequence
from llamapack_runtime.engine.speculate import MAX_DRAFT
from llamapack_runtime.engine.step import Chunk, Step
from llamapack_runtime.engine.turns import Turns
from llamapack_runtime.engine.types import Adapters, FinishReason, Request

# A prompt waits for another one that is reading at least this many tokens it needs as well.
LEAST_AWAITED = 32
# What an answer is expected to have before the first ones are known, and how slowly that changes.
_USUAL_ANSWER = 64.0
_LEARNING = 0.1

# Guesses for a request: (request id, tokens in the step besides its own, most guesses).
Draft = Callable[[str, int, int], tuple[int, ...]]


def no_draft(_request_id: str, _n_others: int, _room: int) -> tuple[int, ...]:
    return ()


class Scheduler:
    """At most `n_parallel` requests run at once and `max_waiting` queue beyond them; the other
    `n_slots` keep the tokens of earlier ones. `shifts_context`: a sequence that fills the cache
    forgets its older half instead of ending. `saved_tokens`: of idle sequences, that saved states
    can hold."""

    def __init__(
        self,
        *,
        n_ctx: int,
        n_slots: int,
        n_parallel: int,
        max_waiting: int,
        can_truncate: bool = True,
        saved_tokens: int = 0,
        shifts_context: bool = False,
    ) -> None:
        self.n_ctx = n_ctx
        self.n_parallel = min(n_parallel, n_slots)
        self.residents = Residents(
            n_cells=n_ctx, n_slots=n_slots, can_truncate=can_truncate, saved_tokens=saved_tokens
        )
        self._cells = self.residents.cells
        self._max_held = self.n_parallel + max_waiting
        self._shifts_context = shifts_context
        self._arrivals = 0
        self._work = 0  # tokens computed so far
        self.usual_answer = _USUAL_ANSWER  # tokens
        self._waiting: list[Sequence] = []
        self._running: dict[str, Sequence] = {}
        self._turns = Turns()
        self.resident_tokens = self.restored_tokens = self.reread_tokens = self.n_pauses = 0

    @property
    def has_work(self) -> bool:
        return bool(self._running or self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether another request would exceed the slots and the bounded queue together."""
        return len(self._running) + len(self._waiting) >= self._max_held

    @property
    def n_generating(self) -> int:
        return sum(sequence.is_generating for sequence in self._running.values())

    @property
    def running_ids(self) -> tuple[str, ...]:
        return tuple(self._running)

    @property
    def n_running(self) -> int:
        return len(self._running)

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    @property
    def kv_used(self) -> int:
        return self._cells.used

    @property
    def kv_running(self) -> int:
        return self._cells.used_by([s.open_slot for s in self._running.values()])

    def submit(self, request: Request) -> int | None:
        """Queue a request whose prompt has 1 to `n_ctx` tokens. Ask `is_full` first. How many
        waiting requests go before it; None if it need not wait."""
        assert not self.is_full, "the queue is bounded; ask is_full before submit"
        assert 0 < len(request.prompt_tokens) <= self.n_ctx, "the prompt must fit the context"
        tokens = list(request.prompt_tokens)
        places = Places.of(tokens, request.media)
        sequence = Sequence(request, self._arrivals, self._work, tokens, self._cells, places)
        self._arrivals += 1
        urgency = self._urgency(sequence)
        before = sum(self._urgency(other) <= urgency for other in self._waiting)
        self._waiting.append(sequence)
        position = before + len(self._running) - self.n_parallel
        return position if position >= 0 else None

    def plan(self, token_budget: int, draft: Draft = no_draft) -> Step:
        """The next step: one token of each generating sequence with the guesses that `draft` adds,
        then prompts until the step has `token_budget` tokens. Even a smaller budget moves every
        generating sequence and one prompt on by a token. All of them have the adapters whose turn
        it is."""
        self._admit()
        self._make_room()
        adapters, begins_turn = self._turns.take()
        present = self._present(adapters)
        prompts = self._prompts(present)
        self.residents.put_aside()
        singles = [s for s in present if s.n_pending == 1]
        chunks = [*self._singles(singles, token_budget, draft, reads_prompt=bool(prompts))]
        n_singles = sum(len(chunk.tokens) for chunk in chunks)
        parts = [*self._parts(prompts, len(singles), max(1, token_budget - n_singles))]
        if not chunks and not parts and len(self._running) > 1:
            # Two images that must be whole may each wait for the cells of the other's prompt.
            self._pause(self._youngest())
        n_prompt = sum(len(chunk.tokens) for chunk in parts)
        operations = self.residents.take_operations()
        return Step(operations, (*chunks, *parts), n_prompt, adapters, begins_turn)

    def complete(self, step: Step) -> None:
        """The step was computed: its tokens are in the cache."""
        for chunk in step.chunks:
            sequence = self._running[chunk.request_id]
            self.residents.extend(chunk.slot, len(chunk.tokens))
            self._work += len(chunk.tokens)
            if chunk.n_logits and not sequence.n_generated:
                self._prompt_is_read(sequence)

    def withdraw(self, step: Step) -> None:
        """The step was not computed, but for rows of images, perhaps, which nobody is to believe in
        the cache: of an image whose rows cannot be told apart, none stays."""
        for chunk in step.chunks:
            if chunk.media is not None:
                places = self._running[chunk.request_id].places
                self.residents.forget(chunk.slot, places.edge(chunk.start))

    def append(self, request_id: str, token: int) -> FinishReason | None:
        """The token sampled from a row of logits. "length" if it is the last one, because of
        `max_tokens` or because the context has no cell for it."""
        sequence = self._running[request_id]
        sequence.tokens.append(token)
        sequence.n_generated += 1
        if sequence.may_generate == 0:
            return "length"
        return "length" if len(sequence.tokens) > self.n_ctx and not self._shifts_context else None

    def settle(self, request_id: str) -> None:
        """All rows of the step are sampled: guesses that were wrong leave the cache."""
        sequence = self._running.get(request_id)
        if sequence is not None:
            self.residents.truncate(sequence.open_slot, len(sequence.tokens) - 1)

    def release(self, request_id: str, *, keep: bool = True) -> None:
        """A request ends, running or waiting; its slot is free for the next step. `keep`: what the
        cache holds of it may serve others."""
        sequence = self._running.pop(request_id, None)
        if sequence is None:
            self._waiting = [s for s in self._waiting if s.request.request_id != request_id]
            return
        self._turns.leave(sequence.request.adapters)
        self.usual_answer += (sequence.n_generated - self.usual_answer) * _LEARNING
        if sequence.n_generated:  # the last token was not computed, but a wrong guess may have been
            self.residents.truncate(sequence.open_slot, len(sequence.tokens) - 1)
        keep = keep and not sequence.is_shifted
        self.residents.close(sequence.open_slot, sequence.tokens, keep=keep)

    def pause_youngest(self) -> str | None:
        """Send the youngest of several running sequences back to the queue: the backend had no
        room for a step. The id of a lone one instead, which has nobody to make room for it."""
        if len(self._running) == 1 and not self.residents.idle_slots:
            return next(iter(self._running))
        if not self.residents.idle_slots:
            self._pause(self._youngest())
        self.residents.make_room(self.n_ctx)
        return None

    def restore_failed(self, request_id: str, key: int) -> None:
        """A saved state could not be put back; what relied on it is read again."""
        victims = self.residents.restore_failed(self._running[request_id].open_slot, key)
        for sequence in self._running.values():
            if sequence.slot in victims:
                self.restored_tokens -= sequence.n_found
                sequence.n_found = 0

    def sequence(self, request_id: str) -> Sequence:
        """The running sequence of a request."""
        return self._running[request_id]

    def _urgency(self, sequence: Sequence) -> tuple[int, int]:
        return sequence.urgency(self._work), sequence.arrival

    def _youngest(self) -> Sequence:
        return max(self._running.values(), key=lambda sequence: sequence.arrival)

    # ---- the parts of a plan ----

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self.n_parallel:
            sequence = min(self._waiting, key=self._urgency)
            if self._running and self._expected_cells(sequence) > self.n_ctx:
                return
            self._waiting.remove(sequence)
            adapters = sequence.request.adapters
            sequence.slot = self.residents.open(sequence.tokens, adapters, sequence.places)
            self._count_found(sequence, resident=sequence.n_cached)
            self._running[sequence.request.request_id] = sequence
            self._turns.join(adapters)

    def _expected_cells(self, newcomer: Sequence) -> int:
        """In use when all that run and this one have grown as expected."""
        running = [*self._running.values()]
        growth = sum(s.expected_growth(self.usual_answer) for s in (*running, newcomer))
        pending = sum(s.n_pending for s in running) + newcomer.n_pending
        slots = [s.open_slot for s in running]
        shared = self.residents.shared(newcomer.tokens, slots, newcomer.request.adapters)
        return self.kv_running + pending + growth - shared

    def _make_room(self) -> None:
        """Each running sequence needs a cell to move on by one token; a lone one always has it."""
        for sequence in list(self._running.values()):
            if len(sequence.tokens) > self.n_ctx:
                self._shift(sequence)
        while not self.residents.make_room(len(self._running)):
            assert len(self._running) > 1, "a sequence is finished before it outgrows the context"
            self._pause(self._youngest())

    def _pause(self, sequence: Sequence) -> None:
        """Back to the queue. Its cells stay as long as nobody needs them."""
        del self._running[sequence.request.request_id]
        self._turns.leave(sequence.request.adapters)
        slot, sequence.slot = sequence.open_slot, None
        self.residents.close(slot, sequence.tokens, keep=not sequence.is_shifted)
        sequence.is_shifted = False
        self._waiting.append(sequence)
        self.n_pauses += 1

    def _shift(self, sequence: Sequence) -> None:
        """Forget the older half of what lies between `n_keep` and the end."""
        slot, keep = sequence.open_slot, min(sequence.request.n_keep, self.n_ctx // 2)
        for other in [*self._running.values()]:
            if other is not sequence and other.slot in self._cells.sharers(slot):
                self._pause(other)
        self.residents.evict_sharers(slot)
        end = keep + (sequence.n_cached - keep) // 2
        self.residents.shift(slot, keep, end, sequence.tokens)
        del sequence.tokens[keep:end]
        sequence.is_shifted = True

    def _present(self, adapters: Adapters) -> list[Sequence]:
        """What runs with these adapters."""
        running = [*self._running.values()]
        if not self._turns.is_shared:
            return running
        return [s for s in running if s.request.adapters == adapters]

    def _prompts(self, present: Iterable[Sequence]) -> list[Sequence]:
        """Those with more than a token to read, the most urgent first, without those that wait for
        another one to read what they share."""
        prompts = [s for s in present if s.n_pending > 1]
        for sequence in prompts:
            self._reuse(sequence)
        prompts.sort(key=self._urgency)
        reading: list[Sequence] = []
        for sequence in prompts:
            slots = [other.open_slot for other in reading]
            promised = self.residents.promised(sequence.open_slot, sequence.tokens, slots)
            if promised < sequence.n_cached + LEAST_AWAITED:
                reading.append(sequence)
        return [sequence for sequence in reading if sequence.n_pending > 1]

    def _reuse(self, sequence: Sequence) -> None:
        if sequence.is_shifted:
            return
        request_id, slot = sequence.request.request_id, sequence.open_slot
        found = self.residents.reuse(request_id, slot, sequence.tokens)
        self._count_found(sequence, found.resident, found.restored)
        if not sequence.n_cached:
            self.reread_tokens += found.unusable

    def _count_found(self, sequence: Sequence, resident: int = 0, restored: int = 0) -> None:
        sequence.n_found += resident + restored
        self.resident_tokens += resident
        self.restored_tokens += restored

    def _singles(
        self, singles: list[Sequence], token_budget: int, draft: Draft, *, reads_prompt: bool
    ) -> Iterator[Chunk]:
        """One token of each that generates (or has only one left to read), with its guesses."""
        spare = self.residents.free_cells - len(self._running)
        room = min(spare, token_budget - len(singles), MAX_DRAFT)
        n_others = len(singles) - 1
        for sequence in singles:
            drafts = () if reads_prompt else self._drafts(sequence, draft, n_others, room)
            room -= len(drafts)
            n_others += len(drafts)
            yield _chunk(sequence, 1, drafts)

    def _drafts(
        self, sequence: Sequence, draft: Draft, n_others: int, room: int
    ) -> tuple[int, ...]:
        if not sequence.is_generating or not self.residents.can_truncate:
            return ()
        room = min(room, self.n_ctx - len(sequence.tokens))
        if sequence.may_generate is not None:
            room = min(room, sequence.may_generate - 1)
        return draft(sequence.request.request_id, n_others, room) if room > 0 else ()

    def _parts(self, prompts: Iterable[Sequence], taken: int, budget: int) -> Iterator[Chunk]:
        """`taken`: cells that the step needs besides."""
        for sequence in prompts:
            media, tokens, start = sequence.request.media, sequence.tokens, sequence.n_cached
            wanted = run_length(media, tokens, start, budget)
            self.residents.make_room(taken + wanted)
            count = min(wanted, self.residents.free_cells - taken)
            if count < wanted and (span := span_of(media, tokens[start])) and span.is_whole:
                return
            if count <= 0:
                return
            yield _chunk(sequence, count)
            budget -= count
            taken += count

    def _prompt_is_read(self, sequence: Sequence) -> None:
        """A checkpoint where the next prompt of the conversation can go on, if it can only go on
        where a state ends."""
        if sequence.request.keep_state or not self.residents.can_truncate:
            keep = sequence.request.keep_state
            self.residents.save(sequence.open_slot, sequence.tokens, keep=keep)

    def check_integrity(self) -> None:
        """Assert what must hold between any two calls."""
        self.residents.check_integrity()
        running = list(self._running.values())
        slots = [s.open_slot for s in running]
        assert len(set(slots)) == len(slots) <= self.n_parallel
        assert not set(slots) & set(self.residents.idle_slots)
        assert all(0 <= s.n_cached <= len(s.tokens) <= self.n_ctx + 1 for s in running)
        assert all(s.slot is None for s in self._waiting)
        held = [s.arrival for s in (*running, *self._waiting)]
        assert len(set(held)) == len(held) <= self._max_held


def _chunk(sequence: Sequence, count: int, drafts: tuple[int, ...] = ()) -> Chunk:
    start = sequence.n_cached
    is_last = count == sequence.n_pending
    return Chunk(
        request_id=sequence.request.request_id,
        slot=sequence.open_slot,
        start=start,
        tokens=(*sequence.tokens[start : start + count], *drafts),
        n_logits=(1 + len(drafts)) * is_last,
        media=span_of(sequence.request.media, sequence.tokens[start]),
        folded=start - sequence.places.position(start),
    )
