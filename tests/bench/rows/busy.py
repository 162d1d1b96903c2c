"""One stream beside one busy process, as on a computer that is used for something else too."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median

from bench.client import chat
from bench.contest import Contest
from bench.figures import PEER, Line, at_least, compared, in_turns
from bench.prompts import story
from bench.servers import Server, Shape, serving

FIXED = (1, 2)
SHAPE = Shape(parallel=1, ctx=4096, threads=None)
_LEAST_TOKENS = 6  # a server that collapses makes one a second


def run(contest: Contest) -> list[Line]:
    """Ours chooses its threads itself, as does llama-server; against ours with fixed ones."""
    fixed = [contest.ours.having(f"--threads={n}", f"--threads-batch={n}") for n in FIXED]
    seconds = contest.size(8, 3)
    with serving(SHAPE, contest.ours, contest.peer, *fixed) as servers, busy_process():
        measures = {server.name: _measure(server, seconds) for server in servers}
        samples = in_turns(measures, contest.turns)
    best = max((one.name for one in fixed), key=lambda name: median(samples[name]))
    title = "one stream beside a busy process"
    return [
        compared(title, "tokens/s", samples, against=best, target=at_least(0.9)),
        compared(title, "tokens/s", samples, against=PEER, target=at_least(3)),
        compared("the same, our best fixed threads", "tokens/s", samples, ours=best),
        *(
            compared("the same", "tokens/s", samples, against=one.name)
            for one in fixed
            if one.name != best
        ),
    ]


@contextmanager
def busy_process() -> Iterator[None]:
    """A process that wants one processor for itself all the time."""
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as process:
        try:
            yield
        finally:
            process.kill()


def _measure(server: Server, seconds: float) -> Callable[[], float]:
    """A short answer first: it says how many tokens fit into `seconds`, and lets a server notice
    that the computer is busy."""
    stories = count()

    def measure() -> float:
        number = next(stories)
        speed = server.ask(chat(story(number), _LEAST_TOKENS)).tokens_per_s
        fitting = min(256, max(_LEAST_TOKENS, int(speed * seconds)))
        return server.ask(chat(story(number + 1), fitting)).tokens_per_s

    return measure
