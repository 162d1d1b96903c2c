from __future__ import annotations

import pytest

from llamapack_runtime.engine.scheduler import Scheduler
from llamapack_runtime.engine.step import Copy, Remove, Save, Shift, Step
from llamapack_runtime.engine.types import Request

OTHER = 1000  # tokens from here on occur in no other prompt


def scheduler(
    *, n_ctx: int = 256, n_slots: int = 4, n_parallel: int = 2, max_waiting: int = 4, **more: int
) -> Scheduler:
    return Scheduler(
        n_ctx=n_ctx,
        n_slots=n_slots,
        n_parallel=n_parallel,
        max_waiting=max_waiting,
        **more,  # type: ignore[arg-type]
    )


def request(
    name: str,
    n_prompt: int,
    max_tokens: int | None = None,
    *,
    first: int | None = None,
    **more: int,
) -> Request:
    """Its tokens count up from `first`; prompts of different names share nothing otherwise."""
    start = OTHER * (ord(name[0]) - ord("a")) if first is None else first
    prompt = tuple(range(start, start + n_prompt))
    return Request(name, prompt, max_tokens=max_tokens, **more)  # type: ignore[arg-type]


def run(under_test: Scheduler, budget: int = 16) -> tuple[Step, list[str]]:
    """A step, with token 7 sampled wherever logits were wanted; also who finished by length."""
    step = under_test.plan(budget)
    under_test.complete(step)
    finished = []
    for chunk in step.chunks:
        if chunk.n_logits and under_test.append(chunk.request_id, 7) == "length":
            under_test.release(chunk.request_id)
            finished.append(chunk.request_id)
        under_test.settle(chunk.request_id)
    under_test.check_integrity()
    return step, finished


def shape(step: Step) -> list[tuple[str, int]]:
    return [(chunk.request_id, len(chunk.tokens)) for chunk in step.chunks]


def test_a_prompt_is_read_in_parts_of_the_budget() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 10))
    shapes = [shape(run(under_test, 4)[0]) for _ in range(4)]
    assert shapes == [[("a", 4)], [("a", 4)], [("a", 2)], [("a", 1)]]


def test_only_the_last_part_of_a_prompt_wants_logits() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 6))
    assert [run(under_test, 4)[0].chunks[0].n_logits for _ in range(3)] == [0, 1, 1]


def test_generating_sequences_move_on_while_a_prompt_is_read() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3))
    run(under_test)
    under_test.submit(request("b", 20))
    step = run(under_test, 8)[0]
    assert (shape(step), step.n_prompt_tokens) == ([("a", 1), ("b", 7)], 7)


def test_a_budget_below_the_generating_sequences_still_moves_everybody() -> None:
    under_test = scheduler(n_parallel=3)
    for name in "ab":
        under_test.submit(request(name, 3))
    run(under_test)
    under_test.submit(request("c", 20))
    assert shape(run(under_test, 1)[0]) == [("a", 1), ("b", 1), ("c", 1)]


def test_the_shortest_rest_is_read_first() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 40))
    run(under_test, 8)
    under_test.submit(request("b", 10))
    assert shape(run(under_test, 12)[0]) == [("b", 10), ("a", 2)]


def test_who_waited_long_enough_is_no_longer_overtaken() -> None:
    under_test = scheduler(n_ctx=1024, n_parallel=1, max_waiting=20)
    under_test.submit(request("a", 4, max_tokens=1))
    run(under_test)
    under_test.submit(request("z", 60, max_tokens=1))
    order: list[str] = []
    for name in "bcdefghijklm":
        under_test.submit(request(name, 16, max_tokens=1))
        while not (finished := run(under_test)[1]):
            pass
        order += finished
    assert "z" in order[:5], order


def test_a_higher_priority_overtakes() -> None:
    under_test = scheduler(n_parallel=1)
    under_test.submit(request("a", 4, max_tokens=1))
    under_test.submit(request("b", 4, max_tokens=1))
    under_test.submit(request("c", 40, max_tokens=1, priority=-1))
    assert shape(run(under_test)[0]) == [("c", 16)]


def test_requests_beyond_the_slots_wait_and_know_their_place() -> None:
    under_test = scheduler(n_parallel=1)
    assert under_test.submit(request("a", 4)) is None
    run(under_test)
    assert under_test.submit(request("b", 4)) == 0
    assert under_test.submit(request("c", 9)) == 1
    assert (under_test.n_running, under_test.n_waiting) == (1, 2)


def test_the_queue_is_bounded() -> None:
    under_test = scheduler(n_parallel=1, max_waiting=2)
    for name in "abc":
        assert not under_test.is_full
        under_test.submit(request(name, 4))
    assert under_test.is_full


def test_a_request_is_admitted_by_what_it_is_expected_to_need() -> None:
    under_test = scheduler(n_ctx=200)
    under_test.submit(request("a", 90))
    run(under_test, 100)
    under_test.submit(request("b", 30))
    assert shape(run(under_test)[0]) == [("a", 1)], "90 + 64 + 30 + 64 tokens are too many"
    under_test.release("b")
    under_test.submit(request("c", 30, max_tokens=10))
    assert shape(run(under_test, 100)[0]) == [("a", 1), ("c", 30)]


def test_what_a_running_sequence_holds_is_copied() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 20, first=0))
    run(under_test, 32)
    under_test.submit(request("b", 30, first=0))
    step = run(under_test, 32)[0]
    assert step.operations == (Copy(source=0, target=1, start=0, end=20),)
    assert [(c.request_id, c.start, len(c.tokens)) for c in step.chunks] == [
        ("a", 20, 1),
        ("b", 20, 10),
    ]
    assert under_test.kv_used == 31
    assert (under_test.sequence("b").n_found, under_test.resident_tokens) == (20, 20)


def test_one_token_is_always_computed() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 20, first=0))
    run(under_test, 32)
    under_test.submit(request("b", 20, first=0))
    step = run(under_test, 32)[0]
    assert step.operations == (Copy(0, 1, 0, 19),)
    assert step.chunks[1].tokens == (19,)
    assert step.chunks[1].n_logits == 1


def test_equal_prompts_are_read_once() -> None:
    under_test = scheduler(n_ctx=512, n_parallel=3)
    for name in "abc":
        under_test.submit(request(name, 100, first=0))
    assert shape(run(under_test, 64)[0]) == [("a", 64)]
    assert shape(run(under_test, 64)[0]) == [("a", 36)]
    step = run(under_test, 64)[0]
    assert shape(step) == [("a", 1), ("b", 1), ("c", 1)]
    assert under_test.kv_used == 103


def test_a_conversation_goes_on_in_the_slot_that_holds_it() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 20, max_tokens=1, first=0))
    assert run(under_test, 32)[1] == ["a"]
    assert under_test.kv_running == 0
    assert under_test.kv_used == 20
    under_test.submit(request("b", 50, first=0))
    step = run(under_test, 64)[0]
    assert step.operations == ()
    assert (step.chunks[0].slot, step.chunks[0].start) == (0, 20)


def test_the_longest_unused_goes_first_when_cells_are_needed() -> None:
    under_test = scheduler(n_ctx=100, n_slots=3)
    for name in "ab":
        under_test.submit(request(name, 30, max_tokens=1))
        run(under_test, 64)
    under_test.submit(request("c", 60, max_tokens=1))
    step = run(under_test, 64)[0]
    assert step.operations == (Remove(0),)
    assert under_test.kv_used == 90


def test_a_slot_is_taken_from_the_longest_unused() -> None:
    under_test = scheduler(n_slots=2, n_parallel=1)
    for name in "abc":
        under_test.submit(request(name, 10, max_tokens=1))
        step = run(under_test, 64)[0]
    assert step.operations == (Remove(0),)


def test_what_goes_is_saved_where_that_is_wanted() -> None:
    under_test = scheduler(n_slots=1, n_parallel=1, saved_tokens=10_000)
    under_test.submit(request("a", 80, max_tokens=1))
    run(under_test, 100)
    under_test.submit(request("b", 10, max_tokens=1))
    step = run(under_test, 100)[0]
    assert step.operations == (Save(0, tuple(range(80))), Remove(0))


def test_idle_sequences_are_put_aside_while_another_one_runs() -> None:
    """Attention would visit their cells in every step."""
    under_test = scheduler(n_ctx=1000, n_slots=4, n_parallel=1, saved_tokens=10_000)
    for name in "abc":
        under_test.submit(request(name, 100, max_tokens=1))
        step = run(under_test, 200)[0]
    assert step.operations == ()  # what "a" and "b" left is little
    under_test.submit(request("d", 100, max_tokens=1))
    step = run(under_test, 200)[0]
    assert step.operations == (Save(0, tuple(range(100))), Remove(0))
    assert under_test.kv_used == 300


def test_the_only_conversation_stays_where_it_is() -> None:
    under_test = scheduler(n_ctx=1000, n_slots=4, n_parallel=1, saved_tokens=10_000)
    under_test.submit(request("a", 500, max_tokens=1))
    run(under_test, 600)
    under_test.submit(request("a2", 600, first=0, max_tokens=1))
    step = run(under_test, 600)[0]
    assert step.operations == ()
    assert step.chunks[0].start == 500


@pytest.mark.parametrize("saved_tokens", [0, 250])
def test_nothing_is_put_aside_that_no_state_could_hold(saved_tokens: int) -> None:
    under_test = scheduler(n_ctx=1000, n_slots=4, n_parallel=1, saved_tokens=saved_tokens)
    for name in "abcd":
        under_test.submit(request(name, 150, max_tokens=1))
        step = run(under_test, 200)[0]
    assert step.operations == ()


def test_a_saved_state_is_put_back_and_cut_to_what_fits() -> None:
    under_test = scheduler()
    under_test.residents.add_state(5, range(100))
    under_test.submit(request("a", 90, first=0))
    step = run(under_test, 100)[0]
    assert [type(operation).__name__ for operation in step.operations] == ["Restore", "Remove"]
    assert step.operations[1] == Remove(0, 89)
    assert (step.chunks[0].start, step.chunks[0].tokens) == (89, (89,))
    assert under_test.restored_tokens == 89


def test_a_state_that_cannot_be_put_back_is_read_again() -> None:
    under_test = scheduler()
    under_test.residents.add_state(5, range(100))
    under_test.submit(request("a", 90, first=0))
    under_test.plan(100)
    under_test.restore_failed("a", 5)
    under_test.check_integrity()
    step = run(under_test, 100)[0]
    assert (step.chunks[0].start, len(step.chunks[0].tokens)) == (0, 90)


def test_a_state_is_kept_for_good_when_the_request_asks_for_it() -> None:
    under_test = scheduler()
    under_test.submit(Request("a", tuple(range(20)), max_tokens=0, keep_state=True))
    under_test.complete(under_test.plan(32))
    under_test.release("a")
    assert under_test.residents.take_operations() == (Save(0, tuple(range(20)), keep=True),)


def test_the_youngest_is_paused_under_pressure_and_resumed() -> None:
    under_test = scheduler(n_ctx=100)
    under_test.usual_answer = 5.0
    under_test.submit(request("a", 40))
    under_test.submit(request("b", 40))
    run(under_test, 100)
    for _ in range(10):
        run(under_test)
    assert under_test.n_running == 2
    run(under_test)
    assert (under_test.n_running, under_test.n_waiting, under_test.n_pauses) == (1, 1, 1)
    under_test.release("a")
    resumed = run(under_test, 100)[0].chunks[0]
    assert (resumed.request_id, resumed.n_logits) == ("b", 1)
    assert under_test.sequence("b").n_generated == 12


def test_a_lone_sequence_fills_the_context_and_ends_with_length() -> None:
    under_test = scheduler(n_ctx=16)
    under_test.submit(request("a", 10))
    finished: list[str] = []
    while not finished:
        finished = run(under_test)[1]
    assert under_test.kv_used <= 16


def test_a_full_context_shifts_where_that_is_wanted() -> None:
    under_test = scheduler(n_ctx=32, n_parallel=1, shifts_context=True)
    under_test.submit(request("a", 30, n_keep=4))
    for _ in range(3):
        run(under_test, 64)
    step = run(under_test, 64)[0]
    assert step.operations == (Shift(0, 4, 18),)
    sequence = under_test.sequence("a")
    assert sequence.tokens == [*range(4), *range(18, 30), 7, 7, 7, 7]
    under_test.release("a")
    assert under_test.kv_used == 0, "what was moved cannot be shared"


def test_guesses_go_with_the_token_before_them_and_leave_when_wrong() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3))
    run(under_test)
    step = under_test.plan(16, lambda _request, _others, _room: (7, 8, 9))
    chunk = step.chunks[0]
    assert (chunk.tokens, chunk.n_logits, chunk.drafts) == ((7, 7, 8, 9), 4, (7, 8, 9))
    under_test.complete(step)
    for token in (7, 5):
        assert under_test.append("a", token) is None
    under_test.settle("a")
    under_test.check_integrity()
    step = run(under_test)[0]
    assert step.operations == (Remove(0, 5),)
    assert (step.chunks[0].start, step.chunks[0].tokens) == (5, (5,))


def test_an_answer_that_ends_on_a_wrong_guess_leaves_no_trace_of_it() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3))
    run(under_test)
    step = under_test.plan(16, lambda _request, _others, _room: (7, 8, 9))
    under_test.complete(step)
    under_test.append("a", 5)
    under_test.release("a")
    under_test.check_integrity()
    assert under_test.residents.take_operations() == (Remove(0, 4),)
    assert under_test.kv_used == 4


def test_a_state_without_room_drives_nobody_out() -> None:
    under_test = scheduler(n_ctx=400)
    under_test.submit(request("a", 60, max_tokens=1, first=0))
    run(under_test, 100)
    under_test.submit(request("b", 100, max_tokens=50))
    run(under_test, 128)
    under_test.residents.add_state(5, range(320))
    under_test.submit(request("c", 140, max_tokens=2, first=0))
    step = run(under_test, 256)[0]
    assert step.operations == ()
    assert under_test.sequence("c").n_found == 60, "it goes on where the idle one ends"


def test_a_failed_request_leaves_its_slot_empty_whatever_the_books_say() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3))
    under_test.plan(16)
    under_test.release("a", keep=False)
    assert under_test.residents.take_operations() == (Remove(0),)


def test_guesses_never_exceed_what_may_be_generated() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3, max_tokens=4))
    run(under_test)
    rooms: list[int] = []

    def draft(_request_id: str, _n_others: int, room: int) -> tuple[int, ...]:
        rooms.append(room)
        return (7,) * room

    under_test.plan(16, draft)
    assert rooms == [2]


def test_nobody_guesses_while_a_prompt_is_read() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 3))
    run(under_test)
    under_test.submit(request("b", 30))
    step = under_test.plan(16, lambda _request, _others, _room: (7,))
    assert shape(step)[0] == ("a", 1)


def test_memory_without_a_way_back_goes_on_only_where_a_sequence_ends() -> None:
    under_test = scheduler(can_truncate=False)
    under_test.submit(request("a", 20, max_tokens=1, first=0))
    step = run(under_test, 64)[0]
    under_test.submit(request("b", 15, max_tokens=1, first=0))
    step = run(under_test, 64)[0]
    assert step.chunks[0].start == 0
    assert under_test.reread_tokens == 14
    under_test.submit(request("c", 50, max_tokens=1, first=0))
    assert run(under_test, 64)[0].chunks[0].start == 20
