"""Models are loaded when they are asked for, and unloaded within memory; never one that is lent."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from llamapack_runtime.api.errors import NotReady
from llamapack_runtime.api.hold import Hold
from llamapack_runtime.api.pool import Pool
from llamapack_runtime.api.service import LoadFailed, Loading, Ready, State, Unloaded
from llamapack_runtime.api.stock import Stock
from runtime.api.stockrooms import (
    KEEP_S,
    TIMEOUT_S,
    A,
    B,
    C,
    Clock,
    FakeStockroom,
    pooled,
)


def borrow(pool: Pool, stock: Stock, keep_alive_s: float | None = None) -> Hold:
    return pool.ask(stock, keep_alive_s).result(TIMEOUT_S)


def use(pool: Pool, stock: Stock, keep_alive_s: float | None = None) -> None:
    borrow(pool, stock, keep_alive_s).release()


def wait_for(pool: Pool, claim: Callable[[], bool]) -> None:
    """What the pool's thread does is told through its condition."""
    with pool._changed:
        assert pool._changed.wait_for(claim, TIMEOUT_S)


def states(pool: Pool) -> list[type[State]]:
    return [type(one.state) for one in pool.shelves()]


def test_the_first_is_loaded_at_the_start_and_others_when_asked_for() -> None:
    room = FakeStockroom([A, B, C])
    with pooled(room) as pool:
        assert room.log == ["load A"]
        use(pool, B)
        use(pool, B)
        assert room.log == ["load A", "load B"]
        assert states(pool) == [Ready, Ready, Unloaded]


def test_what_is_lent_is_the_model_that_was_asked_for() -> None:
    with pooled(FakeStockroom([A, B, C])) as pool:
        for stock in (A, B, C, A, C):
            with borrow(pool, stock) as hold:
                assert hold.stock is stock
                assert hold is not None
                assert isinstance(hold.state, Ready)


def test_without_memory_for_both_the_least_recently_used_makes_room() -> None:
    room, clock = FakeStockroom([A, B, C], memory=20), Clock()
    with pooled(room, clock) as pool:
        clock.now_s += 1
        use(pool, B)
        clock.now_s += 1
        use(pool, A)
        clock.now_s += 1
        use(pool, C)
        assert room.log == ["load A", "load B", "unload B", "load C"]


def test_a_hundred_turns_of_two_models_keep_memory_bounded() -> None:
    room = FakeStockroom([A, B], memory=15)
    with pooled(room) as pool:
        n_threads = threading.active_count()
        for turn in range(100):
            use(pool, (A, B)[turn % 2])
            assert len(room.loaded) == 1
        assert threading.active_count() <= n_threads + 1
        assert room.most_loaded == 1
        assert pool._stuck == []


def test_a_busy_model_is_never_unloaded_and_is_waited_for() -> None:
    room = FakeStockroom([A, B], memory=15)
    with pooled(room) as pool:
        busy = borrow(pool, A)
        asked = pool.ask(B)
        wait_for(pool, lambda: pool._slots[0].is_leaving)
        assert room.loaded == ["A"]
        again = pool.ask(A)
        assert not again.done()  # else B might wait for ever
        busy.release()
        asked.result(TIMEOUT_S).release()
        again.result(TIMEOUT_S).release()
        assert room.log == ["load A", "unload A", "load B", "unload B", "load A"]


def test_whoever_has_borrowed_one_does_not_wait_for_another() -> None:
    room = FakeStockroom([A, B], memory=15)
    with pooled(room) as pool, borrow(pool, A):
        with pytest.raises(NotReady, match="needs 10 bytes but 5 are free"):
            pool.ask(B, may_wait=False).result(TIMEOUT_S)
        assert room.loaded == ["A"]


def test_a_model_that_does_not_fit_even_alone_is_refused_with_the_numbers() -> None:
    room = FakeStockroom([A, B], memory=20)
    with pooled(room) as pool, borrow(pool, A):
        room.memory = 8
        asked = pool.ask(B, may_wait=False)
        with pytest.raises(NotReady, match="needs 10 bytes but") as refused:
            asked.result(TIMEOUT_S)
        assert refused.value.status == 503


def test_one_that_nobody_used_for_its_time_is_unloaded() -> None:
    room, clock = FakeStockroom([A, B]), Clock()
    with pooled(room, clock) as pool:
        use(pool, B)
        clock.now_s += KEEP_S - 1
        pool.look()
        use(pool, B)
        clock.now_s += KEEP_S - 1
        pool.look()
        assert room.loaded == ["A", "B"]
        clock.now_s += 1
        pool.look()
        wait_for(pool, lambda: room.loaded == ["A"])


def test_the_time_is_told() -> None:
    clock = Clock()
    with pooled(FakeStockroom([A, B]), clock) as pool:
        use(pool, B)
        clock.now_s += 100
        assert [one.expires_in_s for one in pool.shelves()] == [float("inf"), KEEP_S - 100]


def test_keep_alive_decides_how_long() -> None:
    room, clock = FakeStockroom([A, B, C]), Clock()
    with pooled(room, clock) as pool:
        use(pool, B, 0.0)
        wait_for(pool, lambda: room.loaded == ["A"])
        use(pool, B, float("inf"))
        use(pool, C, 10.0)
        clock.now_s += 10
        pool.look()
        wait_for(pool, lambda: room.loaded == ["A", "B"])
        clock.now_s += 10 * KEEP_S
        pool.look()
        pool.let_go(B)
        wait_for(pool, lambda: room.loaded == ["A"])


def test_keep_alive_counts_from_the_end_of_the_use() -> None:
    room, clock = FakeStockroom([A, B]), Clock()
    with pooled(room, clock) as pool:
        with borrow(pool, B, 0.0):
            clock.now_s += 100
            pool.look()
            assert room.loaded == ["A", "B"]
        wait_for(pool, lambda: room.loaded == ["A"])


def test_two_that_want_the_same_model_load_it_once() -> None:
    room = FakeStockroom([A, B])
    with pooled(room) as pool:
        room.gate.clear()
        first, second = pool.ask(B), pool.ask(B)
        room.gate.set()
        assert first.result(TIMEOUT_S).state is second.result(TIMEOUT_S).state
        assert room.log == ["load A", "load B"]


def test_after_a_failure_the_next_request_tries_again() -> None:
    room = FakeStockroom([A, B])
    with pooled(room) as pool:
        room.failures.append("The file is damaged.")
        with pytest.raises(NotReady, match="The file is damaged"):
            borrow(pool, B)
        assert states(pool) == [Ready, LoadFailed]
        use(pool, B)
        assert states(pool) == [Ready, Ready]


def test_who_gives_up_while_it_loads_leaves_nothing_lent() -> None:
    room = FakeStockroom([A, B])
    with pooled(room) as pool:
        room.loading.clear()
        room.gate.clear()
        asked = pool.ask(B, 0.0)
        assert room.loading.wait(TIMEOUT_S)
        pool.give_up(asked)
        room.gate.set()
        wait_for(pool, lambda: isinstance(pool._slots[1].state, Ready))
        assert not pool.is_lent


def test_who_gives_up_after_it_was_lent_gives_it_back() -> None:
    with pooled(FakeStockroom([A, B])) as pool:
        asked = pool.ask(B)
        asked.result(TIMEOUT_S)
        assert pool.is_lent
        pool.give_up(asked)
        assert not pool.is_lent


def test_what_nobody_waits_for_any_longer_is_not_loaded() -> None:
    room = FakeStockroom([A, B], memory=15)
    with pooled(room) as pool:
        with borrow(pool, A):
            asked = pool.ask(B)
            wait_for(pool, lambda: pool._slots[0].is_leaving)
            pool.give_up(asked)
            wait_for(pool, lambda: not pool._slots[0].is_leaving)
            use(pool, A)
        assert room.log == ["load A"]


def test_stopping_while_a_model_loads_ends_all_who_wait() -> None:
    room = FakeStockroom([A, B])
    with pooled(room) as pool:
        room.loading.clear()
        room.gate.clear()
        asked = pool.ask(B)
        assert room.loading.wait(TIMEOUT_S)
        pool.close()
        with pytest.raises(NotReady, match="stopping"):
            asked.result(TIMEOUT_S)
        assert not pool.is_running
        with pytest.raises(NotReady, match="stopping"):
            pool.ask(A).result(TIMEOUT_S)


def test_the_page_hears_of_the_first_one_alone() -> None:
    room, told = FakeStockroom([A, B], memory=15), list[State]()
    pool = Pool(room.stocks, room, told.append, Clock())
    pool.start()
    try:
        use(pool, A)
        use(pool, B)
        assert [type(state) for state in told] == [Ready, Unloaded]
        room.failures.append("No memory.")
        with pytest.raises(NotReady):
            borrow(pool, A)
        use(pool, A)
        assert [type(state) for state in told] == [Ready, Unloaded, Ready]
    finally:
        pool.close()


def test_a_first_model_that_fails_is_told_and_tried_again() -> None:
    room, told = FakeStockroom([A, B]), list[State]()
    room.failures.append("No memory.")
    pool = Pool(room.stocks, room, told.append, Clock())
    pool.start()
    try:
        wait_for(pool, lambda: not pool._slots[0].is_owed)
        assert [type(state) for state in told] == [LoadFailed]
        use(pool, A)
        assert [type(state) for state in told] == [LoadFailed, Ready]
    finally:
        pool.close()


def test_work_that_outlives_its_request_keeps_the_model() -> None:
    room = FakeStockroom([A, B])
    with pooled(room) as pool:
        hold = borrow(pool, B, 0.0)

        def work() -> list[str]:
            hold.release()
            pool.look()
            return list(room.loaded)

        assert hold.during(work) == ["A", "B"]
        wait_for(pool, lambda: room.loaded == ["A"])
        with pytest.raises(NotReady):
            hold.during(work)


@pytest.mark.parametrize("state", [Loading(), LoadFailed("x")])
def test_only_what_is_loaded_can_be_peeked_at(state: State) -> None:
    with pooled(FakeStockroom([A, B])) as pool:
        pool._slots[1].state = state
        assert pool.peek(B) is None
        with pool.peek(A) or pytest.fail("A is loaded") as hold:
            assert hold.stock is A
