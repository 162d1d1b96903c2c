"""Eight requests that arrive at once: total speed, and how long the last ones wait for a token.

Once with a system prompt that all share, as an assistant's users have, and once with nothing that
is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from bench.client import Ask, chat
from bench.contest import Contest
from bench.figures import PEER, Line, at_least, at_most, compared, in_turns, p95
from bench.prompts import topic, words
from bench.reply import Reply
from bench.servers import Contender, Server, Shape, serving

STREAMS = 8
SHAPE = Shape(parallel=STREAMS, ctx=STREAMS * 1024)


@dataclass(frozen=True, slots=True)
class _Result:
    tokens_per_s: float  # of all streams together, their prompts' time included
    first_p95_s: float


def run(contest: Contest) -> list[Line]:
    contenders: list[Contender] = [contest.ours, contest.peer]
    if contest.python_peer:
        contenders.append(contest.python_peer)
    system, answer = contest.size(300, 80), contest.size(64, 16)
    lines = []
    with serving(SHAPE, *contenders) as servers:
        for title, asks in (
            (f"8 streams, {system} system tokens shared", _sharing(system, answer)),
            ("8 streams, nothing shared", _apart(contest.size(100, 40), answer)),
        ):
            measures = {server.name: _measure(server, asks) for server in servers}
            lines += _lines(title, in_turns(measures, contest.turns))
    return lines


def _sharing(system: int, answer: int) -> Callable[[int], list[Ask]]:
    def asks(turn: int) -> list[Ask]:
        instructions = words(system, f"shared {turn}")
        return [
            chat(f"Tell me about {topic(index)}.", answer, system=instructions)
            for index in range(STREAMS)
        ]

    return asks


def _apart(prompt: int, answer: int) -> Callable[[int], list[Ask]]:
    def asks(turn: int) -> list[Ask]:
        return [
            chat("Go on.", answer, system=words(prompt, f"apart {turn} {index}"))
            for index in range(STREAMS)
        ]

    return asks


def _measure(server: Server, asks: Callable[[int], list[Ask]]) -> Callable[[], _Result]:
    turns = count()

    def measure() -> _Result:
        replies = server.ask_together(asks(next(turns)))
        return _Result(_total_tokens_per_s(replies), p95([reply.first_s for reply in replies]))

    return measure


def _total_tokens_per_s(replies: Sequence[Reply]) -> float:
    seconds = max(reply.ended for reply in replies) - min(reply.started for reply in replies)
    return sum(reply.tokens for reply in replies) / seconds


def _lines(title: str, results: dict[str, list[_Result]]) -> list[Line]:
    totals = {name: [one.tokens_per_s for one in taken] for name, taken in results.items()}
    firsts = {name: [one.first_p95_s for one in taken] for name, taken in results.items()}
    lines = [
        compared(f"{title}: total", "tokens/s", totals, target=at_least(1.05)),
        compared(f"{title}: p95 first token", "s", firsts, target=at_most(0.8)),
    ]
    python = next((name for name in totals if name not in ("ours", PEER)), None)
    if python:
        lines.append(compared(f"{title}: total", "tokens/s", totals, against=python))
    return lines
