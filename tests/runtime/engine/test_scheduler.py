from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llamapack_runtime.engine.scheduler import Scheduler
from llamapack_runtime.engine.step import Step
from llamapack_runtime.engine.types import Request


def scheduler(*, n_ctx: int = 32, n_seq_max: int = 2, max_waiting: int = 4) -> Scheduler:
    return Scheduler(n_ctx=n_ctx, n_seq_max=n_seq_max, max_waiting=max_waiting)


def request(name: str, n_prompt: int, max_tokens: int | None = None) -> Request:
    return Request(name, tuple(range(n_prompt)), max_tokens=max_tokens)


def run(under_test: Scheduler, budget: int = 16) -> tuple[Step, list[str]]:
    """A step, with token 7 sampled wherever logits were wanted; also who finished by length."""
    step = under_test.plan(budget)
    under_test.complete(step)
    finished = []
    for chunk in step.chunks:
        if chunk.wants_logits and under_test.append(chunk.request_id, 7) == "length":
            under_test.release(chunk.request_id)
            finished.append(chunk.request_id)
    under_test.check_integrity()
    return step, finished


def shape(step: Step) -> list[tuple[str, int]]:
    return [(chunk.request_id, len(chunk.tokens)) for chunk in step.chunks]


def test_a_prompt_is_read_in_parts_of_the_budget() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 10))
    assert [shape(run(under_test, 4)[0]) for _ in range(4)] == [
        [("a", 4)],
        [("a", 4)],
        [("a", 2)],
        [("a", 1)],
    ]


def test_only_the_last_part_of_a_prompt_wants_logits() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 6))
    wants = [run(under_test, 4)[0].chunks[0].wants_logits for _ in range(3)]
    assert wants == [False, True, True]


def test_generating_sequences_move_on_while_a_prompt_is_read() -> None:
    under_test = scheduler(n_ctx=256)
    under_test.submit(request("a", 3))
    run(under_test)
    under_test.submit(request("b", 20))
    assert shape(run(under_test, 8)[0]) == [("a", 1), ("b", 7)]


def test_a_budget_below_the_generating_sequences_still_moves_everybody() -> None:
    under_test = scheduler(n_ctx=256, n_seq_max=3)
    for name in "ab":
        under_test.submit(request(name, 3))
    run(under_test)
    under_test.submit(request("c", 20))
    assert shape(run(under_test, 1)[0]) == [("a", 1), ("b", 1), ("c", 1)]


def test_prompts_are_read_first_come_first_served() -> None:
    under_test = scheduler(n_ctx=256)
    under_test.submit(request("a", 10))
    under_test.submit(request("b", 10))
    assert shape(run(under_test, 12)[0]) == [("a", 10), ("b", 2)]


def test_requests_beyond_the_slots_wait() -> None:
    under_test = scheduler(n_ctx=1024)
    for name in "abc":
        under_test.submit(request(name, 2))
    run(under_test)
    assert (under_test.n_running, under_test.n_waiting) == (2, 1)


def test_a_released_slot_is_cleared_before_it_is_used_again() -> None:
    under_test = scheduler(n_ctx=1024, n_seq_max=1)
    under_test.submit(request("a", 2))
    under_test.submit(request("b", 2))
    run(under_test)
    under_test.release("a")
    step, _ = run(under_test)
    assert step.cleared == (0,)
    assert shape(step) == [("b", 2)]


def test_the_queue_is_bounded() -> None:
    under_test = scheduler(n_seq_max=1, max_waiting=1)
    under_test.submit(request("a", 2))
    assert not under_test.is_full
    under_test.submit(request("b", 2))
    assert under_test.is_full


def test_a_prompt_that_would_crowd_the_others_out_waits() -> None:
    under_test = scheduler(n_ctx=128)
    under_test.submit(request("a", 40))
    under_test.submit(request("b", 40))
    run(under_test, 200)
    assert (under_test.n_running, under_test.n_waiting) == (1, 1)


def test_short_answers_are_admitted_by_their_length() -> None:
    under_test = scheduler(n_ctx=128)
    under_test.submit(request("a", 40, max_tokens=5))
    under_test.submit(request("b", 40, max_tokens=5))
    run(under_test, 200)
    assert under_test.n_running == 2


def test_max_tokens_ends_with_length() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3, max_tokens=2))
    assert [run(under_test)[1] for _ in range(2)] == [[], ["a"]]


def test_a_lone_sequence_fills_the_context_to_the_last_cell() -> None:
    under_test = scheduler(n_ctx=8)
    under_test.submit(request("a", 5))
    steps = 0
    while not run(under_test)[1]:
        steps += 1
    # 5 of the prompt and 3 generated fill 8 cells; the 4th token needs no cell to be shown.
    assert steps + 1 == 4


def test_a_prompt_as_long_as_the_context_yields_one_token() -> None:
    under_test = scheduler(n_ctx=8)
    under_test.submit(request("a", 8))
    assert run(under_test)[1] == ["a"]


def test_under_pressure_the_youngest_pauses_and_resumes_with_all_its_tokens() -> None:
    under_test = scheduler(n_ctx=200)
    under_test.submit(request("old", 10, max_tokens=190))
    under_test.submit(request("young", 60, max_tokens=100))
    run(under_test, 300)
    assert under_test.n_running == 2
    while under_test.n_running == 2:
        run(under_test, 300)
    assert under_test.sequence("old").n_cached > 70
    assert under_test.n_waiting == 1
    under_test.release("old")
    step, _ = run(under_test, 300)
    (resumed,) = step.chunks
    assert resumed.start == 0
    assert resumed.tokens[:60] == tuple(range(60))
    assert set(resumed.tokens[60:]) == {7}
    assert resumed.wants_logits


def test_a_paused_sequence_goes_before_those_that_wait() -> None:
    under_test = scheduler(n_ctx=1024)
    for name in "abc":
        under_test.submit(request(name, 3))
    run(under_test)
    under_test.pause_youngest()
    under_test.check_integrity()
    assert shape(run(under_test)[0]) == [("a", 1), ("b", 4)]


def test_prompts_share_the_cells_that_are_left() -> None:
    under_test = scheduler(n_ctx=220, n_seq_max=3)
    for name, n_prompt, max_tokens in (("a", 1, None), ("b", 80, 1), ("c", 70, 1)):
        under_test.submit(request(name, n_prompt, max_tokens))
    for _ in range(70):
        run(under_test, 1)
    # Of 220 cells, a has outgrown what it was expected to need: 70, and b has read 70.
    step, _ = run(under_test, 300)
    assert shape(step) == [("a", 1), ("b", 10), ("c", 69)]


def test_a_full_backend_pauses_the_youngest_of_several_and_names_a_lone_one() -> None:
    under_test = scheduler(n_ctx=1024)
    under_test.submit(request("a", 3))
    under_test.submit(request("b", 3))
    run(under_test)
    assert under_test.pause_youngest() is None
    assert under_test.n_running == 1
    assert under_test.pause_youngest() == "a"


CELLS = 200  # enough for two or three to be admitted, too few for all to grow


class RandomOperations(RuleBasedStateMachine):
    """Requests come, go and are computed in any order; a mirror of the cache checks each step."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = scheduler(n_ctx=CELLS, n_seq_max=3, max_waiting=5)
        self.names = 0
        self.alive: dict[str, Request] = {}
        self.cache: dict[int, list[int]] = {slot: [] for slot in range(3)}

    @precondition(lambda self: not self.scheduler.is_full)
    @rule(
        n_prompt=st.integers(1, 20) | st.integers(1, 20) | st.integers(1, CELLS),
        max_tokens=st.none() | st.integers(1, 2 * CELLS),
    )
    def submit(self, n_prompt: int, max_tokens: int | None) -> None:
        self.names += 1
        new = request(str(self.names), n_prompt, max_tokens)
        self.alive[new.request_id] = new
        self.scheduler.submit(new)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.alive)))
        self.scheduler.release(name)
        del self.alive[name]

    @precondition(lambda self: self.scheduler.has_work)
    @rule(budget=st.integers(1, 40), times=st.integers(1, 80))
    def step(self, budget: int, times: int) -> None:
        while times and self.scheduler.has_work:
            self.compute(budget)
            times -= 1

    @precondition(lambda self: self.scheduler.n_running)
    @rule()
    def full_backend(self) -> None:
        lone = self.scheduler.pause_youngest()
        if lone is not None:
            self.finish(lone)

    @precondition(lambda self: self.scheduler.has_work)
    @rule(budget=st.integers(1, 40))
    def failed_decode(self, budget: int) -> None:
        for chunk in self.planned(budget).chunks:
            self.finish(chunk.request_id)

    def planned(self, budget: int) -> Step:
        step = self.scheduler.plan(budget)
        for slot in step.cleared:
            self.cache[slot].clear()
        assert step.chunks, "whoever waits must be served in the end"
        assert step.n_tokens <= max(budget, 3)
        return step

    def compute(self, budget: int) -> None:
        step = self.planned(budget)
        for chunk in step.chunks:
            cells = self.cache[chunk.slot]
            assert len(cells) == chunk.start
            cells += chunk.tokens
            prompt = self.alive[chunk.request_id].prompt_tokens
            assert tuple(cells[: len(prompt)]) == prompt[: len(cells)]
        assert sum(map(len, self.cache.values())) <= CELLS
        self.scheduler.complete(step)
        for chunk in step.chunks:
            if chunk.wants_logits and self.scheduler.append(chunk.request_id, 7) is not None:
                self.finish(chunk.request_id)
        self.scheduler.check_integrity()

    def finish(self, name: str) -> None:
        self.scheduler.release(name)
        del self.alive[name]

    @invariant()
    def integrity(self) -> None:
        self.scheduler.check_integrity()
        held = self.scheduler.n_running + self.scheduler.n_waiting
        assert held == len(self.alive)

    def teardown(self) -> None:
        """Everybody gets to the end: no schedule starves a request."""
        for _ in range(5000):
            if not self.scheduler.has_work:
                return
            self.compute(16)
        raise AssertionError("requests are left after 5000 steps")


RandomOperations.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None
)
TestRandomOperations = RandomOperations.TestCase
