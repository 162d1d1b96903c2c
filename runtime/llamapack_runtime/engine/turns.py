"""Whose turn it is: a step computes with one set of adapters, so different sets take turns. Pure.

Everything that runs with one set moves on in each of its steps. After a change llama.cpp plans its
computation anew: 7 ms for a model of 30 layers, a third of such a small one's step. So a turn has
several steps."""

from __future__ import annotations

from llamapack_runtime.engine.types import Adapters

# Of one set while others wait.
STEPS = 6


class Turns:
    """Counts what runs with each set. The set that has waited longest comes next, so with n sets
    none waits for more than (n - 1) * STEPS steps."""

    def __init__(self) -> None:
        self._counts: dict[Adapters, int] = {}  # the first one's turn it is
        self._steps = 0  # of this turn so far
        self._latest: Adapters = ()

    @property
    def is_shared(self) -> bool:
        """Whether there are several sets."""
        return len(self._counts) > 1

    def join(self, adapters: Adapters) -> None:
        """One more runs."""
        self._counts[adapters] = self._counts.get(adapters, 0) + 1

    def leave(self, adapters: Adapters) -> None:
        self._counts[adapters] -= 1
        if not self._counts[adapters]:
            del self._counts[adapters]

    def take(self) -> tuple[Adapters, bool]:
        """The set of the next step, and whether it is another one than that of the step before."""
        current = next(iter(self._counts), self._latest)
        if current == self._latest and self._steps >= STEPS and self.is_shared:
            self._counts[current] = self._counts.pop(current)
            current = next(iter(self._counts))
        is_new = current != self._latest
        self._steps = 1 if is_new else self._steps + 1
        self._latest = current
        return current, is_new
