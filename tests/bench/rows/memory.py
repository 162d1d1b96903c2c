"""Memory beyond weights and KV cache, and what many short mixed requests add to it."""

from __future__ import annotations

import random

from bench.client import Ask, chat, completion
from bench.contest import Contest
from bench.figures import PEER, Line, at_most
from bench.prompts import topic, words
from bench.servers import Server, Shape, serving
from llamapack_runtime.hardware.plan import ModelFacts, kv_bytes_per_cell
from llamapack_runtime.pack import read_header

SHAPE = Shape(parallel=4, ctx=4 * 1024)
_MORE_MB = 60.0
_MB = 1e6


def run(contest: Contest) -> list[Line]:
    total = contest.size(1000, 40)
    first = total // 10
    with serving(SHAPE, contest.ours, contest.peer) as servers:
        ours, peer = servers
        for server in servers:
            _serve(server, range(first))
        early = {server.name: _beyond_mb(contest, server) for server in servers}
        _serve(ours, range(first, total))
        late = _beyond_mb(contest, ours)
        settled, grown = ours.memory_bytes() / _MB, late - early[ours.name]
    before = settled - grown
    return [
        Line(
            f"memory beyond weights and KV, less {PEER}'s",
            "MB",
            early[ours.name] - early[peer.name],
            target=at_most(_MORE_MB),
            note=f"ours {early[ours.name]:.0f}, {PEER} {early[peer.name]:.0f} MB",
            samples={name: [value] for name, value in early.items()},
        ),
        Line(
            f"memory after {total} requests",
            "MB",
            settled,
            f"after {first}",
            before,
            settled / before,
            at_most(1.05),
            "weights left out",
        ),
    ]


def _serve(server: Server, numbers: range) -> None:
    """In groups that arrive at once."""
    for start in range(numbers.start, numbers.stop, SHAPE.parallel):
        group = range(start, min(start + SHAPE.parallel, numbers.stop))
        server.ask_together([_request(number) for number in group])


def _request(number: int) -> Ask:
    """Chat or completion, short or middling, with or without a beginning that others have."""
    chance = random.Random(number)
    answer = chance.choice((1, 2, 4, 8))
    if chance.random() < 0.5:
        return completion(words(chance.randint(4, 40), number), answer)
    system = words(30, f"system {chance.randint(0, 4)}") if chance.random() < 0.5 else None
    return chat(f"Say something about {topic(number)} and {number}.", answer, system=system)


def _beyond_mb(contest: Contest, server: Server) -> float:
    with contest.model.open("rb") as file:
        size = contest.model.stat().st_size
        header = read_header(file, 0, size, contest.model.name)
    facts = ModelFacts.from_metadata(header.metadata, size)
    return (server.memory_bytes() - SHAPE.ctx * kv_bytes_per_cell(facts, "f16", "f16")) / _MB
