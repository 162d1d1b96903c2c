"""A second request with the prefix of one that is still running, against that one's cold start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from bench.client import completion
from bench.contest import Contest
from bench.figures import Line, at_most, compared, in_turns
from bench.prompts import COUNTING, words
from bench.reply import BenchError
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=2, ctx=2 * 4096)


@dataclass(frozen=True, slots=True)
class _Result:
    cold_s: float
    warm_s: float
    prompt_tokens: int


def run(contest: Contest) -> list[Line]:
    prefix = contest.size(1000, 400)
    with serving(SHAPE, contest.ours, contest.peer) as servers:
        measures = {server.name: _measure(server, prefix) for server in servers}
        results = in_turns(measures, contest.turns)
    ours = results["ours"]
    own = {"ours": [one.warm_s for one in ours], "its own cold": [one.cold_s for one in ours]}
    warm = {name: [one.warm_s for one in taken] for name, taken in results.items()}
    title = f"first token, {ours[0].prompt_tokens}-token prefix held by a running stream"
    return [
        compared(title, "s", own, against="its own cold", target=at_most(0.15)),
        compared(title, "s", warm),
    ]


def _measure(server: Server, prefix: int) -> Callable[[], _Result]:
    turns = count()

    def measure() -> _Result:
        shared = words(prefix, f"prefix {next(turns)}") + "\n"
        running = server.open(completion(shared + COUNTING, 2000), announce_after=3)
        try:
            running.wait_begun()
            second = server.ask(completion(shared + "In the end they all", 2))
            if running.is_over:
                raise BenchError(f"{server.name} ended the running stream early; nothing to see.")
        finally:
            running.leave()
        return _Result(running.reply().first_s, second.first_s, second.prompt_tokens)

    return measure
