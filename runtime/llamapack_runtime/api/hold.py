"""A loaded model that somebody has borrowed, and that is not unloaded before it is given back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from llamapack_runtime.api.errors import NotReady
from llamapack_runtime.api.service import Ready, ReadyToEmbed
from llamapack_runtime.api.stock import Stock

Result = TypeVar("Result")


class Hold:
    """`borrow` and `give_back` count who uses the model. From any thread; may be released twice."""

    def __init__(
        self,
        stock: Stock,
        state: Ready | ReadyToEmbed,
        borrow: Callable[[], None],
        give_back: Callable[[], None],
    ) -> None:
        self.stock = stock
        self.state = state
        self._borrow = borrow
        self._give_back = give_back
        self._lock = threading.Lock()
        self._is_released = False
        borrow()

    def release(self) -> None:
        with self._lock:
            was_released, self._is_released = self._is_released, True
        if not was_released:
            self._give_back()

    def during(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, which keeps the model for itself: it goes on when its request is
        given up. NotReady when that was before it began."""
        with self._lock:
            if self._is_released:
                raise NotReady("The request was given up.", "aborted")
            self._borrow()
        try:
            return work()
        finally:
            self._give_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
