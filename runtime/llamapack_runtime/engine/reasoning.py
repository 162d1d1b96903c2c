"""Ends reasoning that goes on for too long. Pure."""

from __future__ import annotations

from llamapack_runtime.engine.types import ReasoningLimit


class ReasoningGuard:
    """Follows one answer's bytes, token by token, until its reasoning is over. `forced`: tokens
    that must come next, in order."""

    def __init__(self, limit: ReasoningLimit) -> None:
        self.forced: list[int] = []
        self._limit = limit
        self._is_inside = limit.begin is None
        self._is_over = False
        self._n_tokens = 0
        self._tail = b""
        self._force_end_at_limit()

    def see(self, piece: bytes) -> None:
        """The next token's text."""
        if self._is_over:
            return
        self._tail += piece
        if not self._is_inside:
            self._is_inside = self._passes(self._limit.begin or "")
        else:
            self._n_tokens += 1
            self._is_over = self._passes(self._limit.end)
        if self._is_over:
            self.forced.clear()
        else:
            self._force_end_at_limit()

    def _force_end_at_limit(self) -> None:
        if self._is_inside and self._n_tokens == self._limit.max_tokens:
            self.forced = list(self._limit.end_tokens)

    def _passes(self, mark: str) -> bool:
        """Whether the text so far holds `mark`, of which only the last pieces can be a part."""
        data = mark.encode()
        if data in self._tail:
            self._tail = self._tail.partition(data)[2]
            return True
        self._tail = self._tail[-len(data) :]
        return False
