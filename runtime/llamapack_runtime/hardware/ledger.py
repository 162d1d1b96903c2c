"""What is known about the variants so far, and which one is the fastest. Pure: fed with events,
used by the probe and by its child alike, so that both come to the same answer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from llamapack_runtime.hardware.gemm import GEMM, GemmTrial
from llamapack_runtime.hardware.messages import (
    Begun,
    Computed,
    Done,
    Event,
    Failed,
    GemmTimed,
    Kind,
    Scored,
    Timed,
)

# A chat reads about two tokens (question, text pasted in) for each one that it writes.
READ_PER_WRITTEN = 2.0
# Differences within the noise do not count: the higher score wins, it has more to offer. The noise
# is taken from the repeats, and lies between these shares.
_LEAST_NOISE, _MOST_NOISE = 0.04, 0.30
# With fewer repeats nothing can be said about noise.
_REPEATS = 3
# The variants round differently; nothing honest was seen above 0.01 of the logits' own size.
WRONG = 0.25


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of processor time per token with one thread, the best of all repeats: what other
    programs take away in between does not count."""

    variant: str
    score: int
    decode_s: float
    prompt_s: float

    @property
    def exchange_s(self) -> float:
        """Time for one token written and those read for it: what the ranking compares."""
        return self.decode_s + READ_PER_WRITTEN * self.prompt_s


class Ledger:
    """`current` names the variant that the child works on, "" for none."""

    def __init__(self) -> None:
        self.scores: dict[str, int] = {}
        self.failures: dict[str, str] = {}
        self.current = ""
        self.is_finished = False
        self._times: defaultdict[tuple[str, Kind, int], list[Timed]] = defaultdict(list)
        self._logits: dict[str, list[float]] = {}
        self._gemm: list[GemmTimed] = []

    def apply(self, event: Event) -> None:
        match event:
            case Begun(variant):
                self.current = variant
            case Scored(variant, score):
                self.scores[variant] = score
            case Timed():
                self._times[event.variant, event.kind, event.threads].append(event)
            case Computed(variant, logits):
                self._logits[variant] = logits
            case GemmTimed():
                self._gemm.append(event)
            case Failed(variant, why):
                self.failures[variant] = why
            case Done():
                self.current, self.is_finished = "", True

    def history(self, variants: Sequence[str]) -> list[Event]:
        """Events from which another ledger learns all that was measured about these variants."""
        events: list[Event] = [
            Scored(name, score) for name, score in self.scores.items() if name in variants
        ]
        for times in self._times.values():
            events += [timed for timed in times if timed.variant in variants]
        return events + [
            Computed(name, logits) for name, logits in self._logits.items() if name in variants
        ]

    def gemm(self) -> GemmTrial | None:
        """None while it was not tried."""
        if GEMM in self.failures:
            return GemmTrial(0.0)
        if not self._gemm:
            return None
        speedups = [each.without_s / each.with_s for each in self._gemm if each.with_s > 0]
        far = max(each.distance for each in self._gemm)
        return GemmTrial(median(speedups) if speedups else 1.0, far <= WRONG)

    def times(self, variant: str, kind: Kind, threads: int) -> list[Timed]:
        return self._times.get((variant, kind, threads), [])

    def speed(self, variant: str) -> Speed | None:
        """None until it has decoded and read a prompt with one thread."""
        decode, prompt = self.times(variant, "decode", 1), self.times(variant, "prompt", 1)
        if not decode or not prompt:
            return None
        return Speed(variant, self.scores.get(variant, 0), _per_token(decode), _per_token(prompt))

    def survivors(self) -> list[Speed]:
        """Those that computed, and rightly, the highest score first."""
        speeds = [self.speed(name) for name in self.scores if name not in self.failures]
        wrong = self.wrong()
        good = [speed for speed in speeds if speed is not None and speed.variant not in wrong]
        return sorted(good, key=lambda speed: (-speed.score, speed.variant))

    def wrong(self) -> set[str]:
        """Those whose logits are not numbers, or far from those of the plainest that has any. If
        none has any, the sample is to blame, not the variants."""
        names = [name for name in self._logits if name not in self.failures]
        finite = [name for name in names if all(map(math.isfinite, self._logits[name]))]
        if not finite:
            return set()
        plainest = min(finite, key=lambda name: self.scores.get(name, 0))
        reference = self._logits[plainest]
        far = {name for name in finite if distance(reference, self._logits[name]) > WRONG}
        return far | (set(names) - set(finite))

    def fastest(self) -> Speed | None:
        """The best for a chat, or the highest score among those that are as good but for noise."""
        survivors = self.survivors()
        if not survivors:
            return None
        limit = min(speed.exchange_s for speed in survivors) * (1 + self._noise())
        return next(speed for speed in survivors if speed.exchange_s <= limit)

    def _noise(self) -> float:
        """How far a typical repeat lies above the best one, as a share."""
        spreads = [0.0]
        for (name, _, threads), times in self._times.items():
            if threads == 1 and len(times) >= _REPEATS and name not in self.failures:
                costs = [timed.cpu_seconds for timed in times]
                spreads.append(median(costs) / min(costs) - 1)
        return min(max(median(spreads), _LEAST_NOISE), _MOST_NOISE)


def _per_token(times: list[Timed]) -> float:
    return min(timed.cpu_seconds / timed.tokens for timed in times)


def distance(reference: list[float], logits: list[float]) -> float:
    """Size of the difference over the size of the reference, both as root of summed squares."""
    if len(reference) != len(logits):
        return math.inf
    size = math.hypot(*reference)
    return math.dist(reference, logits) / size if size else 0.0
