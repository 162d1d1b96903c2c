"""Plain prose that repeats nothing: what our speculation costs where it cannot help."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from bench.client import chat
from bench.contest import Contest
from bench.figures import Line, at_least, compared, in_turns
from bench.prompts import story
from bench.reply import BenchError
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=1, ctx=4096)
_OFF = "--spec-type=none"


def run(contest: Contest) -> list[Line]:
    if not contest.can("--spec-type"):
        raise BenchError("This pack has no --spec-type: there is no speculation to switch off.")
    off = contest.ours.having(_OFF)
    tokens = contest.size(192, 64)
    with serving(SHAPE, contest.ours, off) as servers:
        measures = {server.name: _measure(server, tokens) for server in servers}
        samples = in_turns(measures, contest.turns)
    target = at_least(0.98)
    return [compared("prose, speculation on", "tokens/s", samples, against=off.name, target=target)]


def _measure(server: Server, tokens: int) -> Callable[[], float]:
    """A small model's greedy prose soon repeats itself, so this is drawn, by the same seeds."""
    turns = count()

    def measure() -> float:
        turn = next(turns)
        return server.ask(chat(story(turn), tokens, temperature=1.0, seed=turn)).tokens_per_s

    return measure
