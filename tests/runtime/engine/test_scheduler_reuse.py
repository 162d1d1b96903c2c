"""What the cache and saved states hold, for the prompts to come."""

from __future__ import annotations

import pytest

from llamapack_runtime.engine.step import Copy, Remove, Save
from llamapack_runtime.engine.types import Request
from runtime.engine.scheduling import request, run, scheduler, shape


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
