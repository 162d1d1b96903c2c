"""A request on its way through the scheduler. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from llamapack_runtime.engine.cells import Cells
from llamapack_runtime.engine.places import Places
from llamapack_runtime.engine.types import Request

# A level of priority is worth this many tokens of reading or waiting.
PRIORITY_TOKENS = 4096
# Where a request names no limit and has outgrown what is usual, expect this many more tokens.
_SOME_MORE = 64


@dataclass(slots=True, eq=False)
class Sequence:
    """It waits (`slot` None), runs, and leaves. Running, the first `n_cached` of its tokens are in
    the cache; a step adds a part of the rest, and when all are in, the next token is sampled:

        tokens  [ prompt ............ | generated ....... ]
                [ n_cached ........ ][ pending .......... ]   pending = 1 while it generates

    `arrival` counts up; `arrived_at` is the work done before it came, in tokens."""

    request: Request
    arrival: int
    arrived_at: int
    tokens: list[int]
    cells: Cells
    places: Places
    slot: int | None = None
    n_generated: int = 0
    n_found: int = 0  # tokens that were in the cache or saved, over all its stays in a slot
    is_shifted: bool = False  # the context was full, and its oldest part is gone

    @property
    def n_cached(self) -> int:
        return 0 if self.slot is None else self.cells.length(self.slot)

    @property
    def n_pending(self) -> int:
        return len(self.tokens) - self.n_cached

    @property
    def is_generating(self) -> bool:
        return self.n_pending == 1 and self.n_generated > 0

    @property
    def open_slot(self) -> int:
        assert self.slot is not None, "a running sequence has a slot"
        return self.slot

    @property
    def may_generate(self) -> int | None:
        """How many more tokens it may have; None: no limit."""
        limit = self.request.max_tokens
        return None if limit is None else limit - self.n_generated

    def expected_growth(self, usual: float) -> int:
        """Cells that it is expected to need beyond its tokens, when answers usually have `usual`
        tokens: what is likely, not what is possible."""
        rest = int(usual) - self.n_generated if usual > self.n_generated else _SOME_MORE
        return rest if self.may_generate is None else min(rest, self.may_generate)

    def urgency(self, work_done: int) -> int:
        """The lowest goes first: the least to read, less what others got since it came. So a short
        prompt overtakes a long one, but never for longer than the long one takes."""
        waited = work_done - self.arrived_at
        return self.n_pending + PRIORITY_TOKENS * self.request.priority - waited
