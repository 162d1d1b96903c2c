"""What a server that nobody talks to costs. Also what allows rows to keep several alive."""

from __future__ import annotations

import time

from bench.client import chat
from bench.contest import Contest
from bench.figures import PEER, Line, at_most
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=4, ctx=4096)
_SETTLING_S = 0.5


def run(contest: Contest) -> list[Line]:
    seconds = contest.size(10, 3)
    with serving(SHAPE, contest.ours, contest.peer) as servers:
        shares = {server.name: _share(server, seconds) for server in servers}
    return [
        Line(
            "processor time while idle",
            "% of a core",
            shares["ours"],
            target=at_most(2),
            note=f"{PEER} {shares[contest.peer.name]:.1f}",
            samples={name: [share] for name, share in shares.items()},
        )
    ]


def _share(server: Server, seconds: float) -> float:
    """Percent of one processor, shortly after an answer."""
    server.ask(chat("Say hello.", 8))
    time.sleep(_SETTLING_S)
    before = server.cpu_seconds()
    time.sleep(seconds)
    return 100 * (server.cpu_seconds() - before) / seconds
