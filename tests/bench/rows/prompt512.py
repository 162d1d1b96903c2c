"""A prompt of about 512 tokens alone: how long until the first token."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from bench.client import chat
from bench.contest import Contest
from bench.figures import Line, at_most, compared, in_turns
from bench.prompts import words
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=1, ctx=4096)
PROMPT_WORDS = 480  # with the template's own words 512 tokens


def run(contest: Contest) -> list[Line]:
    with serving(SHAPE, contest.ours, contest.peer) as servers:
        measures = {server.name: _measure(server) for server in servers}
        samples = in_turns(measures, contest.turns)
    return [compared("first token of a 512-token prompt", "s", samples, target=at_most(0.95))]


def _measure(server: Server) -> Callable[[], float]:
    turns = count()
    return lambda: server.ask(chat(words(PROMPT_WORDS, f"512 {next(turns)}"), 2)).first_s
