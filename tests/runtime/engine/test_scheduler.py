from __future__ import annotations

from llamapack_runtime.engine.step import Copy, Remove, Shift
from runtime.engine.scheduling import request, run, scheduler, shape


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


def test_one_token_is_always_computed() -> None:
    under_test = scheduler()
    under_test.submit(request("a", 20, first=0))
    run(under_test, 32)
    under_test.submit(request("b", 20, first=0))
    step = run(under_test, 32)[0]
    assert step.operations == (Copy(0, 1, 0, 19),)
    assert step.chunks[1].tokens == (19,)
    assert step.chunks[1].n_logits == 1


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
