"""Turns requests into what the engine reads, on a few threads that do nothing else.

The one place for it in every dialect: conversion, template, tokens and grammars may take seconds,
and neither the event loop nor the threads that read the page's files may wait for them. To encode
an image may take a minute, so new ones have a thread of their own: text overtakes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request as HttpRequest

from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.lane import Lane
from llamapack_runtime.api.ready import hold_of
from llamapack_runtime.chat.sight import ImagesUnread

N_THREADS = 2
MAX_WAITING = 64
# Requests with new images; each holds as much memory as a request may be long.
MAX_LOOKING = 12

Result = TypeVar("Result")
# Calls what it gets, with all that this needs meanwhile.
Around = Callable[[Callable[[], Any]], Any]


async def prepare(http: HttpRequest, work: Callable[..., Result], *arguments: Any) -> Result:
    """What `work` returns or raises; it may block. The body must have been read. ApiError 503 when
    too many wait, ClientGone when the client leaves: work that has not begun is then left out.
    Work that meets new images is done again when they are encoded."""
    preparing: Preparing = http.app.state.preparing
    hold = hold_of(http)
    whole: Callable[[], Result] = partial(work, *arguments)
    running = preparing.run(whole) if hold is None else preparing.run(whole, hold.during)
    return await while_connected(http.receive, running)


class Preparing:
    """At most `n_threads` pieces of work run at once and `max_waiting` wait, the oldest goes first.
    For any number of event loops. What is given up leaves the queue; what runs goes on to its end,
    and nobody hears of it."""

    def __init__(self, n_threads: int = N_THREADS, max_waiting: int = MAX_WAITING) -> None:
        self._reading = Lane(n_threads, max_waiting, "preparing")
        self._looking = Lane(1, MAX_LOOKING, "looking")

    async def run(self, work: Callable[[], Result], around: Around | None = None) -> Result:
        """`around` is there for each part of the work. ApiError 503 when too many wait."""
        seen: list[object] = []
        while True:
            try:
                return await self._reading.run(_within(around, work))
            except ImagesUnread as unread:
                look = unread.look
            seen.append(await self._look(look, around))

    async def _look(
        self, look: Callable[[Callable[[], bool]], object], around: Around | None
    ) -> object:
        is_given_up = threading.Event()
        try:
            wanted = partial(look, lambda: not is_given_up.is_set())
            return await self._looking.run(_within(around, wanted))
        finally:
            is_given_up.set()


def _within(around: Around | None, work: Callable[[], Result]) -> Callable[[], Result]:
    return work if around is None else partial(around, work)
