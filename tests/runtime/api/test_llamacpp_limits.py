"""Answers that end at a line's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llamapack_runtime.api.llamacpp.limits import LimitedSession, LineLimits
from llamapack_runtime.engine.types import Event, Finished, Queued, Request, TextDelta
from runtime.api.scripted import ScriptedSession

END = Finished("stop", 1, 0, 9, 0.1, 0.1)


def heard(limits: LineLimits, *texts: str, times: Iterator[float] | None = None) -> list[Event]:
    """The events of an answer in these pieces, and "aborted" as its last if it was ended."""
    events: list[Event] = []
    session = ScriptedSession()
    clock = times or iter(range(100))
    LimitedSession(session, limits, lambda: next(clock)).submit(Request("r", (1,)), events.append)
    (_, emit) = session.submitted[0]
    for count, text in enumerate(texts, 1):
        emit(TextDelta(text, count))
    emit(Finished("aborted", 1, 0, 9, 0.1, 0.1) if session.aborted else END)
    assert session.aborted in ([], ["r"])
    return events


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reason(events: list[Event]) -> str:
    assert isinstance(events[-1], Finished)
    return events[-1].reason


def test_after_its_time_the_line_is_finished() -> None:
    times = iter([0.0, 1.0, 2.5, 3.0, 4.0])
    pieces = ("a", "\nb", "c", "d\n", "e")
    events = heard(LineLimits(seconds=2.0), *pieces, times=times)
    assert (said(events), reason(events)) == ("a\nbcd\n", "length")


def test_within_its_time_nothing_changes() -> None:
    events = heard(LineLimits(seconds=1000.0), "a\n", "b\n")
    assert (said(events), reason(events)) == ("a\nb\n", "stop")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x = 1\n    y\n    z\nq\n    r", "x = 1\n    y\n    z\n"),
        ("x\n    y\n  z", "x\n    y\n"),
        ("x\n\n    y", "x\n"),
        ("x\n\t\t\t\ty\n", "x\n\t\t\t\ty\n"),
        ("x\n    ", "x\n    "),
        ("no line", "no line"),
    ],
)
def test_code_that_leaves_its_block_ends(size: int, text: str, shown: str) -> None:
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    events = heard(LineLimits(indent=4), *pieces)
    assert said(events) == shown
    assert reason(events) == ("stop" if shown == text else "length")


def test_other_events_pass() -> None:
    events: list[Event] = []
    session = ScriptedSession(Queued(1))
    limited = LimitedSession(session, LineLimits(indent=4))
    limited.submit(Request("r", (1,)), events.append)
    limited.abort("r")
    assert (events, session.aborted) == ([Queued(1)], ["r"])
