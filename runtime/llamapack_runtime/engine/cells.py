"""How many cells of the cache are in use when sequences share some of them. Pure.

llama.cpp's unified cache keeps one cell for a token that several sequences have in common after
`llama_memory_seq_cp`. Each sequence is a row of runs, and a run is a number of cells with all the
sequences that hold them:

    slot 0   [ A: 300 ][ B: 40 ]
    slot 1   [ A: 300 ][ C: 12 ]      used = A + B + C
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class _Run:
    count: int
    slots: set[int] = field(default_factory=set)


class Cells:
    """Counts the cells of `n_slots` sequences that are all empty at first."""

    def __init__(self, n_slots: int) -> None:
        self._rows: list[list[_Run]] = [[] for _ in range(n_slots)]
        self._lengths = [0] * n_slots
        self.used = 0

    def length(self, slot: int) -> int:
        return self._lengths[slot]

    def extend(self, slot: int, count: int) -> None:
        """`count` new tokens at the end of a sequence, in cells of its own."""
        row = self._rows[slot]
        if not row or len(row[-1].slots) > 1:
            row.append(_Run(0, {slot}))
        row[-1].count += count
        self._lengths[slot] += count
        self.used += count

    def share(self, source: int, target: int, end: int) -> None:
        """Give `target` the cells of `source` from where `target` ends now up to `end`."""
        start = self._lengths[target]
        assert start < end <= self._lengths[source], "only what the source has can be shared"
        first, last = self._split(source, start), self._split(source, end)
        for run in self._rows[source][first:last]:
            run.slots.add(target)
            self._rows[target].append(run)
        self._lengths[target] = end

    def truncate(self, slot: int, length: int) -> None:
        """Forget all after the first `length` tokens."""
        first = self._split(slot, length)
        self._drop(slot, self._rows[slot][first:])
        del self._rows[slot][first:]
        self._lengths[slot] = length

    def cut(self, slot: int, start: int, end: int) -> None:
        """Forget the tokens from `start` to before `end`; the later ones move up."""
        first, last = self._split(slot, start), self._split(slot, end)
        self._drop(slot, self._rows[slot][first:last])
        del self._rows[slot][first:last]
        self._lengths[slot] -= end - start

    def used_by(self, slots: Collection[int]) -> int:
        """Cells that at least one of `slots` holds."""
        wanted = set(slots)
        return sum(run.count for run in self._runs() if run.slots & wanted)

    def exclusive(self, slot: int) -> int:
        """Cells that only this sequence holds."""
        return sum(run.count for run in self._rows[slot] if len(run.slots) == 1)

    def sharers(self, slot: int) -> set[int]:
        """The other sequences that hold any cell of this one."""
        return {other for run in self._rows[slot] for other in run.slots} - {slot}

    def _runs(self) -> Iterable[_Run]:
        return {id(run): run for row in self._rows for run in row}.values()

    def _drop(self, slot: int, runs: list[_Run]) -> None:
        for run in runs:
            run.slots.discard(slot)
            if not run.slots:
                self.used -= run.count

    def _split(self, slot: int, position: int) -> int:
        """The index of the run that begins at `position`, after dividing one there if need be."""
        row, begin = self._rows[slot], 0
        for index, run in enumerate(row):
            if begin == position:
                return index
            if position < begin + run.count:
                self._divide(run, position - begin)
                return index + 1
            begin += run.count
        assert begin == position, "the position lies within the sequence"
        return len(row)

    def _divide(self, run: _Run, count: int) -> None:
        rest = _Run(run.count - count, set(run.slots))
        run.count = count
        for holder in run.slots:
            row = self._rows[holder]
            row.insert(row.index(run) + 1, rest)

    def check_integrity(self) -> None:
        """Assert what must hold between any two calls."""
        assert self.used == sum(run.count for run in self._runs())
        for slot, row in enumerate(self._rows):
            assert self._lengths[slot] == sum(run.count for run in row)
            assert all(slot in run.slots and run.count > 0 for run in row)
