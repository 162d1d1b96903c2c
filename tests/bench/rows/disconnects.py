"""Clients that go away at random: every slot is free again within a step, and metrics agree."""

from __future__ import annotations

import random
import re
import threading
import time

from bench.client import chat
from bench.contest import Contest
from bench.figures import Line, at_most
from bench.prompts import story, words
from bench.reply import BenchError
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=4, ctx=4 * 1024)
_GAUGE = re.compile(r"^llamapack_requests_processing(?:\{[^}]*\})? (\S+)", re.MULTILINE)
_FREED_TIMEOUT_S = 30.0
_MOST_STAY_S = 1.5
_PAUSE_S = 0.005


def run(contest: Contest) -> list[Line]:
    """The bound is the longest step: a slot is freed after the step that it is part of."""
    requests = contest.size(200, 24)
    freed: list[float] = []
    with serving(SHAPE, contest.ours) as servers:
        server = servers[0]
        has_metrics = _busy(server) is not None
        for wave in range(requests // SHAPE.parallel):
            _wave(server, wave)
            if has_metrics:
                freed.append(_seconds_until_free(server))
        longest = _longest_step(server)
    if not has_metrics:
        note = f"no /metrics; after {requests} disconnects {SHAPE.parallel} streams ran at once"
        return [Line("disconnects", "requests", float(requests), note=note)]
    return [
        Line(
            f"slots busy after {requests} disconnects",
            "s",
            max(freed),
            "longest step",
            longest,
            max(freed) / longest,
            at_most(1.0),
            samples={"freed": freed},
        )
    ]


def _wave(server: Server, wave: int) -> None:
    """Four requests, each left at a moment of its own: while its prompt is read, or later."""
    chance = random.Random(wave)
    streams = []
    for index in range(SHAPE.parallel):
        beginning = words(chance.choice((5, 100, 400)), f"disconnect {wave} {index}")
        streams.append(server.open(chat(f"{beginning} {story(index)}", 300)))
    leaving = [threading.Timer(chance.uniform(0, _MOST_STAY_S), stream.leave) for stream in streams]
    for timer in leaving:
        timer.start()
    for timer in leaving:
        timer.join()


def _busy(server: Server) -> float | None:
    """How many requests the server says it works on; None without such a figure."""
    status, text = server.get("/metrics")
    found = _GAUGE.search(text) if status == 200 else None
    return float(found[1]) if found else None


def _seconds_until_free(server: Server) -> float:
    started = time.perf_counter()
    while _busy(server) != 0:
        if time.perf_counter() - started > _FREED_TIMEOUT_S:
            raise BenchError(
                f"{_FREED_TIMEOUT_S:.0f} s after all clients left, /metrics says {_busy(server)}."
            )
        time.sleep(_PAUSE_S)
    return time.perf_counter() - started


def _longest_step(server: Server) -> float:
    """The longer of two: a full step while nobody streams, which is one prompt of 512 tokens, and
    the longest gap that a stream sees beside prompts. For the second all slots work at once, which
    they only can when none is held by a client that left."""
    alone = server.ask(chat(words(480, "step alone"), 2)).first_s
    watching = server.open(chat(story(0), 60), announce_after=3)
    watching.wait_begun()
    server.ask_together([chat(words(400, f"step {n}"), 2) for n in range(SHAPE.parallel - 1)])
    watching.wait()
    reply = watching.reply()
    return max(alone, reply.largest_gap_s(reply.started, reply.ended))
