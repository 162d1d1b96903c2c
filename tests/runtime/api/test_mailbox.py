"""The way from other threads to the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from event_loop import run_async
from llamapack_runtime.api.mailbox import Mailbox

TIMEOUT_S = 20.0


def test_items_keep_their_order_across_threads() -> None:
    total = 50_000

    async def run() -> tuple[list[int], int]:
        mailbox: Mailbox[int] = Mailbox()

        def send() -> None:
            for item in range(total):
                mailbox.put(item)

        thread = threading.Thread(target=send)
        thread.start()
        taken: list[int] = []
        n_takes = 0
        while len(taken) < total:
            taken += await mailbox.take(TIMEOUT_S)
            n_takes += 1
        thread.join(TIMEOUT_S)
        return taken, n_takes

    taken, n_takes = run_async(run())
    assert taken == list(range(total))
    assert n_takes < total / 10  # what piled up came together


def test_one_call_into_the_loop_is_under_way_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> int:
        calls: list[object] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", calls.append)
        mailbox: Mailbox[int] = Mailbox()
        for item in range(1000):
            mailbox.put(item)
        assert await mailbox.take() == list(range(1000))
        return len(calls)

    assert run_async(run()) == 1


def test_a_reader_is_woken_each_time() -> None:
    """The next item is only sent when the one before was read: none may be slept through."""

    async def run() -> None:
        mailbox: Mailbox[int] = Mailbox()
        is_read = threading.Semaphore(0)

        def send() -> None:
            for item in range(2000):
                mailbox.put(item)
                assert is_read.acquire(timeout=TIMEOUT_S)

        thread = threading.Thread(target=send)
        thread.start()
        for item in range(2000):
            assert await mailbox.take(TIMEOUT_S) == [item]
            is_read.release()
        thread.join(TIMEOUT_S)

    run_async(run())


def test_nothing_comes_within_the_time() -> None:
    async def run() -> list[int]:
        mailbox: Mailbox[int] = Mailbox()
        return await mailbox.take(0.01)

    assert run_async(run()) == []


def test_an_item_for_a_loop_that_is_closed_does_no_harm() -> None:
    async def make() -> Mailbox[int]:
        return Mailbox()

    run_async(make()).put(1)
