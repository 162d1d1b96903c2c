"""Which tokens the draft model's cache holds, and for which request. Pure.

A row outlives its request: the next prompt of the conversation begins with the same tokens. Rows
that nobody follows are emptied as soon as their cells are needed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Row:
    """`tokens` are in the cache; the first `n_sure` of them are known to be the request's, the
    others were guessed. `holder` None: nobody follows it."""

    slot: int
    tokens: list[int] = field(default_factory=list)
    n_sure: int = 0
    holder: str | None = None
    used_at: int = 0
    is_catching_up: bool = False  # with a text that is longer than what is read at once


class DraftRows:
    """At most `n_ctx` tokens in `n_slots` rows together."""

    def __init__(self, n_ctx: int, n_slots: int) -> None:
        self._n_ctx = n_ctx
        self._rows = [Row(slot) for slot in range(n_slots)]
        self._uses = 0

    @property
    def used(self) -> int:
        return sum(len(row.tokens) for row in self._rows)

    def find(self, request_id: str) -> Row | None:
        """The row that follows the request."""
        return next((row for row in self._rows if row.holder == request_id), None)

    def nearest(self, tokens: list[int]) -> tuple[Row, int] | None:
        """The free row that holds most of the tokens' beginning, and how many; None: all rows
        follow somebody. Of several, the one that was not used for the longest time."""
        free = [row for row in self._rows if row.holder is None]
        if not free:
            return None
        best = max(free, key=lambda row: (common_start(row.tokens, tokens), -row.used_at))
        return best, common_start(best.tokens, tokens)

    def hold(self, row: Row, request_id: str) -> None:
        assert row.holder is None, "a row follows one request"
        self._uses += 1
        row.holder, row.n_sure, row.used_at = request_id, 0, self._uses

    def agree(self, row: Row, tokens: list[int]) -> int | None:
        """Take in that the request has `tokens`, of which the last is to be read in any case. From
        which position on the row's cells are to be forgotten; None: from none."""
        mine, sure = row.tokens, min(row.n_sure, len(tokens) - 1)
        sure += common_start(mine[sure:], tokens[sure : len(mine)])
        row.n_sure = min(sure, len(tokens) - 1)
        if row.n_sure == len(mine):
            return None
        del mine[row.n_sure :]
        return row.n_sure

    def make_room(self, count: int) -> list[Row] | None:
        """The rows that are emptied so that `count` more tokens have cells; None: that is not
        possible."""
        needed = self.used + count - self._n_ctx
        free = sorted((row for row in self._rows if row.holder is None), key=lambda r: r.used_at)
        emptied: list[Row] = []
        for row in free:
            if needed > 0 and row.tokens:
                needed -= len(row.tokens)
                emptied.append(row)
        if needed > 0:
            return None
        for row in emptied:
            row.tokens.clear()
        return emptied

    def release(self, request_id: str) -> None:
        row = self.find(request_id)
        if row is not None:
            row.holder = None

    def check_integrity(self) -> None:
        """Assert what must hold between any two calls."""
        assert self.used <= self._n_ctx
        holders = [row.holder for row in self._rows if row.holder is not None]
        assert len(set(holders)) == len(holders)
        assert all(0 <= row.n_sure <= len(row.tokens) for row in self._rows if row.holder)


def common_start(one: list[int], other: list[int]) -> int:
    """How many tokens at the beginning are the same."""
    count = min(len(one), len(other))
    if one[:count] == other[:count]:
        return count
    pairs = zip(one, other, strict=False)
    return next(index for index, (a, b) in enumerate(pairs) if a != b)
