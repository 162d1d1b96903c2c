"""What a row hands back: lines with two figures, their ratio and the ratio that is wanted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TypeVar

T = TypeVar("T")
OURS = "ours"
PEER = "llama-server"


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for a line's ratio, or for our figure where there is no ratio."""

    bound: float
    is_least: bool

    def is_met_by(self, value: float) -> bool:
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.is_least else '<='} {self.bound:g}"


def at_least(bound: float) -> Target:
    return Target(bound, is_least=True)


def at_most(bound: float) -> Target:
    return Target(bound, is_least=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `ours` and `other` are medians in `unit`; `against` names what
    `other` is. Without `ratio`, the target is for `ours` itself."""

    title: str
    unit: str
    ours: float
    against: str = ""
    other: float | None = None
    ratio: float | None = None
    target: Target | None = None
    note: str = ""
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """None where nothing is wanted."""
        if self.target is None:
            return None
        return self.target.is_met_by(self.ours if self.ratio is None else self.ratio)


def compared(
    title: str,
    unit: str,
    samples: Mapping[str, Sequence[float]],
    *,
    target: Target | None = None,
    ours: str = OURS,
    against: str = PEER,
    note: str = "",
) -> Line:
    """A line from samples that were taken in turns: the ratio is the median of the ratios within
    each turn, since a machine's speed changes more between turns than within one."""
    mine, theirs = samples[ours], samples[against]
    ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
    return Line(
        title,
        unit,
        median(mine),
        against,
        median(theirs),
        median(ratios),
        target,
        _joined(note, f"{min(ratios):.2f} to {max(ratios):.2f}" if len(ratios) > 1 else ""),
        {ours: mine, against: theirs},
    )


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def in_turns(measures: Mapping[str, Callable[[], T]], turns: int) -> dict[str, list[T]]:
    """Each measured `turns` times, in the order A B, B A, A B: what changes steadily hits all."""
    taken: dict[str, list[T]] = {name: [] for name in measures}
    for turn in range(turns):
        names = list(measures)
        for name in names if turn % 2 == 0 else reversed(names):
            taken[name].append(measures[name]())
    return taken


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]
