"""A bounded queue of work for a few threads that do nothing else. Knows nothing of what it does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from llamapack_runtime.api.errors import ApiError

_RETRY_AFTER_S = 2

Result = TypeVar("Result")


class Lane:
    """At most `n_threads` pieces of work run at once and `max_waiting` wait, the oldest goes first.
    For any number of event loops. What is given up leaves the queue; what runs goes on to its end,
    and nobody hears of it."""

    def __init__(self, n_threads: int, max_waiting: int, name: str) -> None:
        self._n_threads = n_threads
        self._max_waiting = max_waiting
        self._executor = ThreadPoolExecutor(n_threads, thread_name_prefix=name)
        self._lock = threading.Lock()  # guards what follows
        self._waiting: dict[Future[Any], Callable[[], Any]] = {}
        self._n_running = 0
        self._n_awake = 0  # threads that look for work

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises; it may block. ApiError 503 when too many wait."""
        future = self._submit(work)
        try:
            return await asyncio.wrap_future(future)
        finally:
            with self._lock:
                self._waiting.pop(future, None)

    def _submit(self, work: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        with self._lock:
            n_held = self._n_running + len(self._waiting)
            if n_held >= self._n_threads + self._max_waiting:
                raise _too_busy(len(self._waiting))
            self._waiting[future] = work
            if self._n_awake < self._n_threads:
                self._n_awake += 1
                self._executor.submit(self._work)
        return future

    def _work(self) -> None:
        """On a thread, until nothing waits."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._n_awake -= 1
                    return
                future = next(iter(self._waiting))
                work = self._waiting.pop(future)
                self._n_running += 1
            _settle(future, work)
            del future, work  # they may hold a request of many megabytes
            with self._lock:
                self._n_running -= 1


def _settle(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it goes to whoever waits
        future.set_exception(error)
        # The error knows this frame: without it, both and the request are gone with the waiter.
        del future, work
    else:
        future.set_result(result)


def _too_busy(n_waiting: int) -> ApiError:
    message = (
        f"The server is busy: {n_waiting} requests wait to be read already."
        f" Try again in {_RETRY_AFTER_S} s."
    )
    return ApiError(503, message, "server_busy", retry_after_s=_RETRY_AFTER_S)
