"""Events of the engine on their way to a client."""

from __future__ import annotations

import asyncio

import pytest

from event_loop import run_async
from llamapack_runtime.api.answer import MAX_BACKLOG, Answer, ChoiceEvent
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.measures import Measures
from llamapack_runtime.engine.types import (
    Event,
    Failed,
    Finished,
    PromptProgress,
    Queued,
    Request,
    TextDelta,
)
from runtime.api.scripted import ScriptedSession

REQUESTS = [Request("first", (1,)), Request("second", (1,))]
END = Finished("stop", 1, 0, 2, 0.0, 0.0)
REFUSED = Failed("Too many.", 503, "server_busy", 5)


def events_of(*events: Event) -> list[ChoiceEvent]:
    return [ChoiceEvent(0, event) for event in events]


def test_text_that_waits_together_is_one_delta() -> None:
    async def run() -> None:
        session = ScriptedSession(PromptProgress(1, 1), TextDelta("a", 1), TextDelta("b", 3), END)
        answer = Answer(session, REQUESTS[:1], Measures())
        assert await answer.begin() == events_of(PromptProgress(1, 1), TextDelta("ab", 3), END)

    run_async(run())


def test_text_of_choices_is_kept_apart() -> None:
    async def run() -> None:
        session = ScriptedSession(PromptProgress(1, 1))
        answer = Answer(session, REQUESTS, Measures())
        await answer.begin()
        (_, first), (_, second) = session.submitted
        for count in range(1, 4):
            first(TextDelta("a", count))
            second(TextDelta("b", count))
        assert await answer.next() == [
            ChoiceEvent(0, TextDelta("aaa", 3)),
            ChoiceEvent(1, TextDelta("bbb", 3)),
        ]

    run_async(run())


def test_what_came_before_an_error_is_told_first() -> None:
    async def run() -> None:
        session = ScriptedSession(TextDelta("a", 1), Failed("It broke.", 500, "broken"))
        answer = Answer(session, REQUESTS[:1], Measures())
        assert await answer.begin() == events_of(TextDelta("a", 1))
        with pytest.raises(ApiError, match=r"It broke\."):
            await answer.next()

    run_async(run())


def test_a_refusal_of_one_choice_is_known_before_the_others_have_run() -> None:
    async def run() -> None:
        session = ScriptedSession(by_turn=lambda turn: [Queued(0)] if turn == 0 else [])
        answer = Answer(session, REQUESTS, Measures())
        beginning = asyncio.create_task(answer.begin())
        while not session.submitted or not session.submitted[1:]:
            await asyncio.sleep(0)
        session.submitted[1][1](REFUSED)
        with pytest.raises(ApiError) as raised:
            await beginning
        assert raised.value.retry_after_s == 5
        assert session.aborted == ["first"]

    run_async(run())


def test_one_choice_that_fails_ends_them_all() -> None:
    async def run() -> None:
        measures = Measures()
        session = ScriptedSession(TextDelta("a", 1))
        answer = Answer(session, REQUESTS, measures)
        await answer.begin()
        session.submitted[1][1](Failed("It broke.", 500, "broken"))
        with pytest.raises(ApiError, match=r"It broke\."):
            await answer.next()
        answer.close()
        assert session.aborted == ["first"]
        assert (measures.outcomes["failed"], measures.outcomes["aborted"]) == (1, 1)

    run_async(run())


def test_close_aborts_what_still_runs_once() -> None:
    async def run() -> None:
        session = ScriptedSession(by_turn=lambda turn: [END] if turn == 0 else [TextDelta("a", 1)])
        answer = Answer(session, REQUESTS, Measures())
        await answer.begin()
        answer.close()
        answer.close()
        assert session.aborted == ["second"]

    run_async(run())


def test_a_client_far_behind_is_given_up() -> None:
    async def run() -> None:
        session = ScriptedSession(*(TextDelta("x", i) for i in range(MAX_BACKLOG + 100)))
        answer = Answer(session, REQUESTS[:1], Measures())
        text = TextDelta("x" * MAX_BACKLOG, MAX_BACKLOG - 1)
        assert await answer.begin() == events_of(text)
        assert session.aborted == ["first"]
        with pytest.raises(ApiError, match="too slowly"):
            await answer.next()

    run_async(run())
