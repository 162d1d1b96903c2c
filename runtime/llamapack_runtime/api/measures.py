"""What is counted and timed of the answers that clients get. Knows nothing of Prometheus or HTTP.

Written and read on the event loop alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal, get_args

from llamapack_runtime.engine.types import Event, Failed, Finished, TextDelta

Outcome = Literal["stop", "length", "aborted", "failed", "refused"]

BOUNDS_S = (
    *(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0),
)


class Histogram:
    """Durations in seconds, each counted at the lowest of `BOUNDS_S` that it does not exceed."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)  # the last one: above all bounds
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each bound, infinity at last, with the number of durations up to it."""
        total = 0
        for bound, count in zip((*BOUNDS_S, float("inf")), self._counts, strict=True):
            total += count
            yield bound, total


class Measures:
    """Of all answers since the start."""

    def __init__(self) -> None:
        self.outcomes: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)
        self.first_token = Histogram()
        self.inter_token = Histogram()
        self.request = Histogram()


class AnswerWatch:
    """Follows one answer into `measures`. Times are time.perf_counter's, in seconds."""

    def __init__(self, measures: Measures, started_s: float) -> None:
        self._measures = measures
        self._started_s = started_s
        self._last_text_s: float | None = None

    def see(self, event: Event, at_s: float) -> None:
        match event:
            case TextDelta():
                self._see_text(at_s)
            case Finished(reason):
                self.end(reason, at_s)
            case Failed(retry_after_s=retry_after_s):
                self.end("failed" if retry_after_s is None else "refused", at_s)

    def end(self, outcome: Outcome, at_s: float) -> None:
        """Also for an answer that nobody waits for any longer."""
        self._measures.outcomes[outcome] += 1
        if outcome != "refused":
            self._measures.request.observe(at_s - self._started_s)

    def _see_text(self, at_s: float) -> None:
        if self._last_text_s is None:
            self._measures.first_token.observe(at_s - self._started_s)
        else:
            self._measures.inter_token.observe(at_s - self._last_text_s)
        self._last_text_s = at_s
