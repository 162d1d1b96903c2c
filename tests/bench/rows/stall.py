"""A stream while a neighbour's long prompt is read: its largest gap, and the neighbour's wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from bench.client import chat, completion
from bench.contest import Contest
from bench.figures import Line, at_most, compared, in_turns
from bench.prompts import COUNTING, words
from bench.reply import BenchError
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=2, ctx=2 * 6144)
_BEGUN_EVENTS = 8


@dataclass(frozen=True, slots=True)
class _Result:
    gap_s: float
    first_s: float
    prompt_tokens: int


def run(contest: Contest) -> list[Line]:
    prompt = contest.size(4000, 1000)
    with serving(SHAPE, contest.ours, contest.peer) as servers:
        measures = {server.name: _measure(server, prompt) for server in servers}
        results = in_turns(measures, contest.turns)
    gaps = {name: [one.gap_s for one in taken] for name, taken in results.items()}
    firsts = {name: [one.first_s for one in taken] for name, taken in results.items()}
    tokens = results["ours"][0].prompt_tokens
    gap = compared(f"largest gap beside a {tokens}-token prompt", "s", gaps, target=at_most(1 / 20))
    absolute = Line(
        "the same gap, on an idle machine", "s", gap.ours, target=at_most(0.5), samples=gap.samples
    )
    wait = compared("that neighbour's first token", "s", firsts, target=at_most(1.1))
    return [gap, absolute, wait]


def _measure(server: Server, prompt: int) -> Callable[[], _Result]:
    turns = count()

    def measure() -> _Result:
        stream = server.open(completion(COUNTING, 5500), _BEGUN_EVENTS)
        try:
            stream.wait_begun()
            neighbour = server.ask(chat(words(prompt, f"stall {next(turns)}"), 2))
            if stream.is_over:
                raise BenchError(f"{server.name} ended the running stream early; nothing to see.")
        finally:
            stream.leave()
        gap = stream.reply().largest_gap_s(neighbour.started, neighbour.first_at)
        return _Result(gap, neighbour.first_s, neighbour.prompt_tokens)

    return measure
