"""One stream: a long greedy answer, also against a bare loop of llama_decode on our libraries."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from bench.bare_loop import BareLoop, bare_loop
from bench.client import chat
from bench.contest import Contest
from bench.figures import OURS, PEER, Line, at_least, compared, in_turns
from bench.prompts import story
from bench.servers import Contender, Server, Shape, serving

SHAPE = Shape(parallel=1, ctx=4096)
PLAIN = "ours --spec-type none"
BARE = "bare llama_decode"


def run(contest: Contest) -> list[Line]:
    contenders: list[Contender] = [contest.ours, contest.peer]
    if contest.can("--spec-type"):
        contenders.append(contest.ours.having("--spec-type=none", name=PLAIN))
    if contest.python_peer:
        contenders.append(contest.python_peer)
    tokens = contest.size(192, 96)
    with serving(SHAPE, *contenders) as servers, bare_loop(contest, SHAPE) as loop:
        measures = _measures(servers, loop, tokens)
        samples = in_turns(measures, contest.turns)
    return [
        _line(samples, f"one stream: {ours}", ours, against)
        for ours in (OURS, PLAIN)
        for against in (PEER, BARE, "python server")
        if ours in samples and against in samples
    ]


def _measures(
    servers: list[Server], loop: BareLoop | None, tokens: int
) -> dict[str, Callable[[], float]]:
    """Every server gets the same stories in the same order."""

    def of(server: Server) -> Callable[[], float]:
        stories = count()
        return lambda: server.ask(chat(story(next(stories)), tokens)).tokens_per_s

    measures = {server.name: of(server) for server in servers}
    if loop is not None:
        measures[BARE] = lambda: loop.tokens_per_s(tokens)
    return measures


def _line(samples: dict[str, list[float]], title: str, ours: str, against: str) -> Line:
    bound = {PEER: 1.05, BARE: 0.97}.get(against)
    target = at_least(bound) if bound else None
    return compared(title, "tokens/s", samples, target=target, ours=ours, against=against)
