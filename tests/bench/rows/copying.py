"""Answers that repeat what was given: code to be written again, a text to be said again.

Ours without any flag, against llama-server without any and with its lookup of n-grams.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count
from statistics import median

from bench.client import chat
from bench.contest import Contest
from bench.figures import Line, at_least, compared, in_turns
from bench.prompts import code, tale
from bench.servers import Server, Shape, serving

SHAPE = Shape(parallel=1, ctx=4096)
LOOKUP = "llama-server --spec-type ngram-mod"
_COPIED_CHARACTERS = 12  # a run that long is no coincidence


@dataclass(frozen=True, slots=True)
class _Result:
    tokens_per_s: float
    copied: float  # share of the answer


def _code_task(turn: int) -> tuple[str, str]:
    given = code(turn)
    return f"Rewrite this code without any change:\n```python\n{given}```", given


def _text_task(turn: int) -> tuple[str, str]:
    given = tale(turn)
    return f"Repeat the following text exactly, word for word:\n\n{given}", given


def run(contest: Contest) -> list[Line]:
    lines = []
    lookup = contest.peer.having("--spec-type", "ngram-mod")
    with serving(SHAPE, contest.ours, contest.peer, lookup) as servers:
        for what, task in (("code", _code_task), ("text", _text_task)):
            measures = {server.name: _measure(server, task) for server in servers}
            results = in_turns(measures, contest.turns)
            speeds = {name: [one.tokens_per_s for one in taken] for name, taken in results.items()}
            copied = median(one.copied for one in results["ours"])
            title, note = f"copying {what}", f"{copied:.0%} of our answer is copied"
            lines += [
                compared(title, "tokens/s", speeds, target=at_least(2.5), note=note),
                compared(title, "tokens/s", speeds, against=LOOKUP, target=at_least(1.0)),
            ]
    return lines


def _measure(server: Server, task: Callable[[int], tuple[str, str]]) -> Callable[[], _Result]:
    turns = count()

    def measure() -> _Result:
        text, given = task(next(turns))
        reply = server.ask(chat(text, 200))
        return _Result(reply.tokens_per_s, _copied(given, reply.text))

    return measure


def _copied(given: str, answer: str) -> float:
    blocks = SequenceMatcher(None, given, answer, autojunk=False).get_matching_blocks()
    return sum(one.size for one in blocks if one.size >= _COPIED_CHARACTERS) / max(1, len(answer))
