"""Requests on their way to the engine: how many are read at once, who waits, and who is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from event_loop import run_async
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.preparing import N_THREADS, Preparing
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.types import Chat
from runtime.api.prepared import Asked, PreparedSession
from runtime.api.served import TIMEOUT_S, StartServer

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
TO_COUNT = {"messages": CHAT["messages"]}


class Gate:
    """Work that goes on when the gate is opened; counts how many pieces have begun."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self._opened = threading.Event()

    def work(self) -> str:
        self.begun.release()
        assert self._opened.wait(TIMEOUT_S), "nobody opened the gate"
        return "done"

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.begun.acquire(timeout=TIMEOUT_S)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()


async def turns(count: int = 10) -> None:
    """Of the loop, for tasks to begin or to end."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_so_many_work_at_once_and_the_oldest_goes_first(gate: Gate) -> None:
    order: list[int] = []

    async def run() -> None:
        preparing = Preparing(2)
        held = [asyncio.ensure_future(preparing.run(gate.work)) for _ in range(2)]
        later = [asyncio.ensure_future(preparing.run(partial(order.append, n))) for n in range(5)]
        await asyncio.to_thread(gate.wait_for, 2)
        await turns()
        assert not order
        gate.open()
        assert await asyncio.gather(*held) == ["done", "done"]
        await asyncio.gather(*later)

    run_async(run())
    assert sorted(order) == [*range(5)]
    assert order[0] in (0, 1)  # two threads take the first two at the same moment


def test_an_error_reaches_who_waits() -> None:
    def fail() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        run_async(Preparing().run(fail))


def test_beyond_the_queue_a_refusal_says_when_to_come_again(gate: Gate) -> None:
    async def run() -> ApiError:
        preparing = Preparing(1, max_waiting=2)
        held = [asyncio.ensure_future(preparing.run(gate.work)) for _ in range(3)]
        await asyncio.to_thread(gate.wait_for, 1)
        with pytest.raises(ApiError) as error:
            await preparing.run(gate.work)
        gate.open()
        await asyncio.gather(*held)
        assert await preparing.run(gate.work) == "done"
        return error.value

    error = run_async(run())
    assert (error.status, error.code, error.retry_after_s) == (503, "server_busy", 2)
    assert str(error).endswith(".")


def test_who_leaves_is_forgotten_and_makes_room(gate: Gate) -> None:
    ran: list[int] = []

    async def run() -> None:
        preparing = Preparing(1, max_waiting=1)
        held = asyncio.ensure_future(preparing.run(gate.work))
        await asyncio.to_thread(gate.wait_for, 1)
        gone = asyncio.ensure_future(preparing.run(lambda: ran.append(1)))
        await turns()
        gone.cancel()
        await asyncio.wait({gone})
        next_one = asyncio.ensure_future(preparing.run(lambda: ran.append(2)))
        await turns()
        gate.open()
        await asyncio.gather(held, next_one)

    run_async(run())
    assert ran == [2]


class SlowSession(PreparedSession):
    """Prepares a chat when the gate is open."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def prepare(self, chat: Chat) -> Prompt:
        self._gate.work()
        return super().prepare(chat)

    def close(self) -> None:
        """There is no engine."""


def full(gate: Gate) -> tuple[Preparing, Callable[[], None]]:
    """One that can take nothing more until the gate is open, and how to wait for its end."""
    preparing = Preparing(1, max_waiting=0)
    thread = threading.Thread(target=lambda: run_async(preparing.run(gate.work)))
    thread.start()
    gate.wait_for(1)

    def end() -> None:
        gate.open()
        thread.join(TIMEOUT_S)

    return preparing, end


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT | {"tool_choice": "x"}),
        ("/v1/chat/completions", {"messages": "x" * 100_000}),
        ("/v1/completions", {"prompt": []}),
        ("/v1/completions", {"prompt": [1], "echo": True}),
        ("/v1/responses", {"input": "Hi", "tool_choice": "x"}),
        ("/v1/messages", CHAT | {"tool_choice": {"type": "any"}}),
        ("/v1/messages/count_tokens", TO_COUNT | {"tool_choice": {"type": "any"}}),
        ("/api/chat", TO_COUNT | {"format": "x"}),
        ("/api/generate", {"prompt": "Hi", "format": "x"}),
        ("/completion", {"prompt": []}),
        ("/generate", {"inputs": "Hi"}),
        ("/infill", {"input_prefix": "a", "input_suffix": "b"}),
        ("/tokenize", {"content": [[]]}),
        ("/detokenize", {"tokens": [300]}),
        ("/apply-template", CHAT | {"tool_choice": "x"}),
    ],
)
def test_no_dialect_reads_a_request_elsewhere(
    service: Service, web_root: Path, gate: Gate, path: str, body: dict[str, Any]
) -> None:
    """What is wrong with these is only found where requests are read; there is no room now."""
    preparing, end = full(gate)
    try:
        asked = Asked(service, web_root, PreparedSession(), preparing=preparing)
        reply = asked.post(path, body)
    finally:
        end()
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")


def test_the_page_comes_while_requests_are_read(start: StartServer, gate: Gate) -> None:
    """More of them than there are threads for files."""
    server = start(SlowSession(gate))
    count = 50
    with (
        httpx.Client(base_url=server.url, trust_env=False, timeout=TIMEOUT_S) as client,
        ThreadPoolExecutor(count) as pool,
    ):
        path = "/v1/messages/count_tokens"
        asked = [pool.submit(client.post, path, json=TO_COUNT) for _ in range(count)]
        try:
            gate.wait_for(N_THREADS)
            assert client.get("/").status_code == 200
        finally:
            gate.open()
        assert {one.result(TIMEOUT_S).status_code for one in asked} == {200}
