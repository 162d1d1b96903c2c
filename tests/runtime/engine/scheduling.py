"""A scheduler under test, requests for it, and steps of it."""

from __future__ import annotations

from llamapack_runtime.engine.scheduler import Scheduler
from llamapack_runtime.engine.step import Step
from llamapack_runtime.engine.types import Request

OTHER = 1000  # tokens from here on occur in no other prompt


def scheduler(
    *, n_ctx: int = 256, n_slots: int = 4, n_parallel: int = 2, max_waiting: int = 4, **more: int
) -> Scheduler:
    return Scheduler(
        n_ctx=n_ctx,
        n_slots=n_slots,
        n_parallel=n_parallel,
        max_waiting=max_waiting,
        **more,  # type: ignore[arg-type]
    )


def request(
    name: str,
    n_prompt: int,
    max_tokens: int | None = None,
    *,
    first: int | None = None,
    **more: object,
) -> Request:
    """Its tokens count up from `first`; prompts of different names share nothing otherwise."""
    start = OTHER * (ord(name[0]) - ord("a")) if first is None else first
    prompt = tuple(range(start, start + n_prompt))
    return Request(name, prompt, max_tokens=max_tokens, **more)  # type: ignore[arg-type]


def run(under_test: Scheduler, budget: int = 16) -> tuple[Step, list[str]]:
    """A step, with token 7 sampled wherever logits were wanted; also who finished by length."""
    step = under_test.plan(budget)
    under_test.complete(step)
    finished = []
    for chunk in step.chunks:
        if chunk.n_logits and under_test.append(chunk.request_id, 7) == "length":
            under_test.release(chunk.request_id)
            finished.append(chunk.request_id)
        under_test.settle(chunk.request_id)
    under_test.check_integrity()
    return step, finished


def shape(step: Step) -> list[tuple[str, int]]:
    return [(chunk.request_id, len(chunk.tokens)) for chunk in step.chunks]
