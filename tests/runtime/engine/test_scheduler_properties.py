"""Random arrivals, lengths, guesses, cancels and pressure against a cache that is strict."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fakes import FakeCache
from llamapack_runtime.engine import residents
from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.scheduler import Scheduler
from llamapack_runtime.engine.step import Chunk, Copy, Restore, Save, Step
from llamapack_runtime.engine.turns import STEPS
from llamapack_runtime.engine.types import Adapters, Request

CELLS, SLOTS, PARALLEL, WAITING = 48, 5, 3, 6
# Steps after which any admitted request must have ended when nothing new arrives.
PATIENCE = 600


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residents, "MOST_IDLE", 6)
    monkeypatch.setattr(residents, "LEAST_SAVED", 3)


class Operated(RuleBasedStateMachine):
    can_truncate = True
    shifts_context = False
    sets: tuple[Adapters, ...] = ((),)
    media: tuple[MediaSpan, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(
            n_ctx=CELLS,
            n_slots=SLOTS,
            n_parallel=PARALLEL,
            max_waiting=WAITING,
            can_truncate=self.can_truncate,
            saved_tokens=10_000,
            shifts_context=self.shifts_context,
        )
        self.cache = FakeCache(CELLS, SLOTS)
        self.states: dict[int, bytes] = {}
        self.expected: dict[str, list[int]] = {}
        self.waited: dict[Adapters, int] = {}  # steps since a running set's turn
        self.names = 0

    @precondition(lambda self: not self.scheduler.is_full)
    @rule(
        prompt=st.lists(st.integers(0, 1), min_size=1, max_size=CELLS),
        images=st.lists(st.integers(0, 20), max_size=3),
        max_tokens=st.one_of(st.none(), st.integers(1, 30)),
        priority=st.integers(-1, 1),
        n_keep=st.integers(0, 8),
        data=st.data(),
    )
    def submit(
        self,
        prompt: list[int],
        images: list[int],
        max_tokens: int | None,
        priority: int,
        n_keep: int,
        data: st.DataObject,
    ) -> None:
        name = f"r{self.names}"
        self.names += 1
        for at in images if self.media else []:
            span = self.media[at % len(self.media)]
            if len(prompt) + span.count <= CELLS and not any(t < 0 for t in prompt[at:]):
                prompt = [*prompt[:at], *span.tokens, *prompt[at:], 1][:CELLS]
        request = Request(
            name,
            tuple(prompt),
            max_tokens=max_tokens,
            priority=priority,
            n_keep=n_keep,
            adapters=data.draw(st.sampled_from(self.sets)),
            media=self.media,
        )
        self.scheduler.submit(request)
        self.expected[name] = list(prompt)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.expected))))

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.states)))
        self.states[key] = b"damaged"

    @precondition(lambda self: self.scheduler.has_work)
    @rule(budget=st.integers(1, 20), guesses=st.lists(st.integers(0, 1), max_size=4))
    def step(self, budget: int, guesses: list[int]) -> None:
        def draft(_request_id: str, _n_others: int, room: int) -> tuple[int, ...]:
            return tuple(guesses[:room])

        step = self.scheduler.plan(budget, draft)
        self.scheduler.check_integrity()
        self.check_turn(step)
        if self.perform(step):
            assert step.chunks, "work without a step"
            self.compute(step)

    @precondition(lambda self: self.scheduler.has_work)
    @rule(budget=st.integers(1, 20))
    def refused(self, budget: int) -> None:
        """The backend computes the rows of images, and then has no room for the rest."""
        step = self.scheduler.plan(budget)
        if self.perform(step):
            for chunk in step.chunks:
                if chunk.media is not None:
                    self.fill(chunk, step.adapters)
            self.scheduler.withdraw(step)
            self.no_room()

    @precondition(lambda self: self.scheduler.n_running)
    @rule()
    def no_room(self) -> None:
        lone = self.scheduler.pause_youngest()
        if lone is not None:
            self.end(lone)

    def adapters_of(self, name: str) -> Adapters:
        return self.scheduler.sequence(name).request.adapters

    def check_turn(self, step: Step) -> None:
        """No step is for two sets, and no set waits for longer than the others' turns."""
        assert {self.adapters_of(chunk.request_id) for chunk in step.chunks} <= {step.adapters}
        running = {self.adapters_of(name) for name in self.scheduler.running_ids}
        assert step.adapters in running
        counts = {one: self.waited.get(one, 0) + 1 for one in running}
        self.waited = counts | {step.adapters: 0}
        assert max(self.waited.values()) <= (PARALLEL - 1) * STEPS

    def perform(self, step: Step) -> bool:
        """As the engine does: after a failure, what relies on it is left out."""
        lost: set[int] = set()
        for operation in step.operations:
            if isinstance(operation, Save) and operation.slot not in lost:
                assert self.cache.tokens(operation.slot) == list(operation.tokens)
                key = len(self.states)
                self.states[key] = self.cache.save(operation.slot)
                residents = self.scheduler.residents
                residents.add_state(key, operation.tokens, operation.adapters)
            elif isinstance(operation, Restore):
                if not self.cache.restore(operation.slot, self.states[operation.key]):
                    self.scheduler.restore_failed(operation.request_id, operation.key)
                    lost.add(operation.slot)
            elif isinstance(operation, Copy) and operation.source in lost:
                lost.add(operation.target)
            elif not isinstance(operation, Save):
                self.cache.perform(operation)
        for slot, row in self.cache.slots.items():
            if lost:  # the books say already what the next operations will remove
                del row[self.scheduler.residents.cells.length(slot) :]
            assert len(row) >= self.scheduler.residents.cells.length(slot)
        return not lost

    def compute(self, step: Step) -> None:
        for chunk in step.chunks:
            self.fill(chunk, step.adapters)
        self.scheduler.complete(step)
        for chunk in step.chunks:
            if chunk.n_logits:
                self.sample(chunk.request_id, chunk.drafts)
                self.scheduler.settle(chunk.request_id)

    def fill(self, chunk: Chunk, adapters: Adapters) -> None:
        tokens, at = chunk.tokens, chunk.positions
        self.cache.extend(chunk.slot, chunk.start, tokens, adapters, at)

    def sample(self, name: str, drafts: tuple[int, ...]) -> None:
        for guess in (*drafts, None):
            token = sum(self.expected[name]) % 2
            self.expected[name].append(token)
            if self.scheduler.append(name, token) is not None:
                self.end(name)
                return
            if token != guess:
                return

    def end(self, name: str) -> None:
        self.scheduler.release(name)
        del self.expected[name]

    @invariant()
    def books_are_right(self) -> None:
        self.scheduler.check_integrity()

    @invariant()
    def no_token_is_lost(self) -> None:
        for name in self.scheduler.running_ids:
            tokens = self.scheduler.sequence(name).tokens
            expected = self.expected[name]
            assert tokens[-8:] == expected[-8:]
            assert self.shifts_context or tokens == expected

    def teardown(self) -> None:
        """Everybody who was admitted gets to the end."""
        for _ in range(PATIENCE):
            for name in list(self.expected):
                if len(self.expected[name]) > CELLS + 20:
                    self.end(name)  # endless with a shifting context
            if not self.scheduler.has_work:
                return
            self.step(4, [])
        assert not self.scheduler.has_work, "somebody starved"


class Recurrent(Operated):
    can_truncate = False


class Shifting(Operated):
    shifts_context = True


class Adapted(Operated):
    sets = ((), (("a", 1.0),), (("a", 0.5),), (("a", 1.0), ("b", 1.0)))


class AdaptedRecurrent(Adapted):
    can_truncate = False


class AdaptedShifting(Adapted):
    shifts_context = True


class Seeing(Operated):
    """Rows that follow one another, and rows that share a position."""

    media = (
        MediaSpan(-1, 6, bytes(6), columns=3),
        MediaSpan(-11, 8, bytes(8), columns=2),
        MediaSpan(-21, 4, bytes(4)),
        MediaSpan(-31, 6, bytes(6), is_whole=True, columns=6),
    )


class SeeingRecurrent(Seeing):
    can_truncate = False


@pytest.mark.parametrize(
    "machine",
    [
        Operated, Recurrent, Shifting, Adapted, AdaptedRecurrent, AdaptedShifting, Seeing,
        SeeingRecurrent,
    ],
)  # fmt: skip
def test_nobody_loses_a_token(machine: type[Operated]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=40))
