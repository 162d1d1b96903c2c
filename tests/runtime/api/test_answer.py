"""Events of the engine on their way to a client."""

from __future__ import annotations

import asyncio
import time

import pytest

from event_loop import run_async
from llamapack_runtime.api.answer import (
    MAX_BACKLOG,
    Answer,
    ChoiceEvent,
    Ended,
    Happening,
    Said,
)
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.measures import Measures
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, Reasoning
from llamapack_runtime.engine.types import (
    Candidate,
    Failed,
    Finished,
    PromptProgress,
    Queued,
    Request,
    SampledToken,
    TextDelta,
)
from runtime.api.scripted import ScriptedSession

REQUESTS = [Request("first", (1,)), Request("second", (1,))]
END = Finished("stop", 1, 0, 2, 0.0, 0.0)
REFUSED = Failed("Too many.", 503, "server_busy", 5)


def said(text: str, completion_tokens: int) -> Said:
    return Said((Content(text),), completion_tokens)


def events_of(*events: Happening) -> list[ChoiceEvent]:
    return [ChoiceEvent(0, event) for event in events]


def test_text_that_waits_together_is_one_delta() -> None:
    async def run() -> None:
        session = ScriptedSession(PromptProgress(1, 1), TextDelta("a", 1), TextDelta("b", 3), END)
        answer = Answer(session, REQUESTS[:1], Measures())
        assert await answer.begin() == events_of(PromptProgress(1, 1), said("ab", 3), Ended(END))

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
            ChoiceEvent(0, said("aaa", 3)),
            ChoiceEvent(1, said("bbb", 3)),
        ]

    run_async(run())


def test_what_came_before_an_error_is_told_first() -> None:
    async def run() -> None:
        session = ScriptedSession(TextDelta("a", 1), Failed("It broke.", 500, "broken"))
        answer = Answer(session, REQUESTS[:1], Measures())
        assert await answer.begin() == events_of(said("a", 1))
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
        text = said("x" * MAX_BACKLOG, MAX_BACKLOG - 1)
        assert await answer.begin() == events_of(text)
        assert session.aborted == ["first"]
        with pytest.raises(ApiError, match="too slowly"):
            await answer.next()

    run_async(run())


class ByKind:
    """A capital is reasoning, a dash is held back, a digit begins a call, and the rest is said."""

    is_reasoning = False

    def push(self, text: str) -> list[Part]:
        if text.isdigit():
            return [CallBegins(0, "id", "now"), CallArguments(0, text)]
        if text == "-":
            return []
        return [Reasoning(text) if text.isupper() else Content(text)]

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:  # noqa: ARG002 - as all
        return []


def token(text: str, *, has_probs: bool) -> SampledToken:
    chosen = Candidate(ord(text), text.encode(), -1.0) if has_probs else None
    return SampledToken(ord(text), chosen)


def joined_kinds(texts: str, *, has_probs: bool) -> list[tuple[int, str]]:
    """The number of parts and the tokens of each event."""

    async def run() -> list[ChoiceEvent]:
        deltas = [
            TextDelta(text, at, (token(text, has_probs=has_probs),))
            for at, text in enumerate(texts, 1)
        ]
        answer = Answer(ScriptedSession(*deltas, END), REQUESTS[:1], Measures(), ByKind)
        return await answer.begin()

    said = [one.event for one in run_async(run()) if isinstance(one.event, Said)]
    return [(len(one.parts), "".join(chr(t.token) for t in one.tokens)) for one in said]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ("ABcd", [(1, "AB"), (1, "cd")]),
        ("A-bc", [(1, "A"), (1, "-bc")]),
        ("ab1c", [(1, "ab"), (2, "1"), (1, "c")]),
        ("a-", [(1, "a"), (0, "-")]),
    ],
)
def test_probabilities_go_with_the_words_that_they_are_of(
    texts: str, expected: list[tuple[int, str]]
) -> None:
    assert joined_kinds(texts, has_probs=True) == expected
    assert [tokens for _, tokens in joined_kinds(texts, has_probs=False)] == [texts]


def test_what_piled_up_while_nobody_read_is_joined_in_no_time() -> None:
    """On the event loop, where everybody waits for it."""

    async def take() -> tuple[list[ChoiceEvent], float]:
        pieces = [TextDelta("a", n, (SampledToken(7),)) for n in range(MAX_BACKLOG - 1)]
        answer = Answer(ScriptedSession(*pieces), REQUESTS[:1], Measures())
        started_s = time.thread_time()
        return await answer.begin(), time.thread_time() - started_s

    [one], taken_s = run_async(take())
    assert isinstance(one.event, Said)
    assert len(one.event.tokens) == MAX_BACKLOG - 1
    assert taken_s < 2.0  # some 0.2; when each looks at all before it, more than 10
