"""The first answer after a restart, with a system prompt of 1,000 tokens.

Ours has it packed and has been started once before, as on the recipient's second day;
llama-server gets it with the conversation.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.client import chat
from bench.contest import Contest
from bench.figures import Line, at_most, compared, in_turns
from bench.prompts import words
from bench.servers import Contender, Shape

SHAPE = Shape(parallel=1, ctx=4096)
_OPTION = "--system-prompt-file"


@dataclass(frozen=True, slots=True)
class _Result:
    from_request_s: float
    from_start_s: float


def run(contest: Contest) -> list[Line]:
    system = words(contest.size(1000, 400), "restart")
    ours: Contender = contest.ours
    own_system: str | None = system
    note = f"this pack has no {_OPTION}: sent with the conversation"
    if contest.can(_OPTION):
        file = contest.ours.scratch / "system.txt"
        file.write_text(system, encoding="utf-8")
        ours, own_system, note = contest.ours.having(_OPTION, str(file), name="ours"), None, ""
    _first_answer(ours, own_system)
    results = in_turns(
        {
            "ours": lambda: _first_answer(ours, own_system),
            contest.peer.name: lambda: _first_answer(contest.peer, system),
        },
        contest.turns,
    )
    requests = {name: [one.from_request_s for one in taken] for name, taken in results.items()}
    starts = {name: [one.from_start_s for one in taken] for name, taken in results.items()}
    return [
        compared("first token after a restart", "s", requests, target=at_most(0.1), note=note),
        compared("the same, from the start of the process", "s", starts, note=note),
    ]


def _first_answer(contender: Contender, system: str | None) -> _Result:
    server = contender.start(SHAPE)
    try:
        server.wait_ready()
        reply = server.ask(chat("What is your name?", 4, system=system))
    finally:
        server.stop()
    return _Result(reply.first_s, reply.first_at - server.started)
