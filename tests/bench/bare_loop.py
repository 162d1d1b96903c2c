"""The engine's ceiling: a bare loop of llama_decode on our libraries, in a process of its own.

    python tests/bench/bare_loop.py LIBRARIES VARIANT MODEL THREADS CTX

Reads token counts from stdin, one a line, and answers each with tokens per second. `bare_loop`
starts it with the CPU variant that the pack itself chose.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.bare_context import BareContext, bare_context
from bench.contest import Contest
from bench.reply import BenchError
from bench.servers import Shape

PROMPT_TOKENS = 40  # as many as the stories' prompts have
_TOKEN = 200


@dataclass(frozen=True, slots=True)
class BareLoop:
    process: subprocess.Popen[str]

    def tokens_per_s(self, tokens: int) -> float:
        assert self.process.stdin is not None, "stdin is a pipe"
        assert self.process.stdout is not None, "stdout is a pipe"
        self.process.stdin.write(f"{tokens}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise BenchError(f"The bare loop ended with status {self.process.wait()}.")
        return float(answer)


@contextmanager
def bare_loop(contest: Contest, shape: Shape) -> Iterator[BareLoop | None]:
    """None where the pack's libraries are not at hand."""
    if contest.libraries is None:
        contest.say("No folder with the pack's libraries is given: no bare loop.")
        yield None
        return
    variant = json.loads(contest.ours.printed("--info", "--json"))["cpu"]["variant"]
    place = [str(contest.libraries), variant, str(contest.model)]
    words = [sys.executable, __file__, *place, str(shape.threads or 1), str(shape.ctx)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            loop = BareLoop(process)
            loop.tokens_per_s(8)  # touches the weights
            yield loop
        finally:
            process.terminate()


def main(folder: str, variant: str, model: str, threads: str, ctx: str) -> None:
    with bare_context(
        Path(folder), variant, Path(model), n_threads=int(threads), n_ctx=int(ctx)
    ) as context:
        for line in sys.stdin:
            print(_speed(context, int(line)), flush=True)


def _speed(context: BareContext, tokens: int) -> float:
    """Of the tokens after the prompt."""
    context.clear()
    context.decode([_TOKEN] * PROMPT_TOKENS)
    started = time.perf_counter()
    for _ in range(tokens):
        context.decode([_TOKEN])
    return tokens / (time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
