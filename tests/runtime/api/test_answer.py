"""Events of the engine on their way to a client."""

from __future__ import annotations

import asyncio

import pytest

from llamapack_runtime.api.answer import MAX_BACKLOG, Answer
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.measures import Measures
from llamapack_runtime.engine.types import Failed, Finished, PromptProgress, Request, TextDelta
from runtime.api.scripted import ScriptedSession

REQUEST = Request("id", (1,))
END = Finished("stop", 1, 0, 2, 0.0, 0.0)


def test_text_that_waits_together_is_one_delta() -> None:
    async def run() -> None:
        session = ScriptedSession()
        answer = Answer(session, REQUEST, Measures())
        answer.start()
        emit = session.submitted[0][1]
        for event in (PromptProgress(1, 1), TextDelta("a", 1), TextDelta("b", 3), END):
            emit(event)
        assert await answer.next() == [PromptProgress(1, 1), TextDelta("ab", 3), END]

    asyncio.run(run())


def test_what_came_before_an_error_is_told_first() -> None:
    async def run() -> None:
        session = ScriptedSession()
        answer = Answer(session, REQUEST, Measures())
        answer.start()
        emit = session.submitted[0][1]
        for event in (TextDelta("a", 1), Failed("It broke.", 500, "broken")):
            emit(event)
        assert await answer.next() == [TextDelta("a", 1)]
        with pytest.raises(ApiError, match=r"It broke\."):
            await answer.next()

    asyncio.run(run())


def test_a_client_far_behind_is_given_up() -> None:
    async def run() -> None:
        session = ScriptedSession()
        answer = Answer(session, REQUEST, Measures())
        answer.start()
        emit = session.submitted[0][1]
        for i in range(MAX_BACKLOG + 100):
            emit(TextDelta("x", i))
        assert session.aborted == ["id"]
        assert await answer.next() == [TextDelta("x" * MAX_BACKLOG, MAX_BACKLOG - 1)]
        with pytest.raises(ApiError, match="too slowly"):
            await answer.next()

    asyncio.run(run())
