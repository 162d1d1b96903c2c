"""Lends the program's models: loads one when it is asked for, and unloads it when nobody has used
it for a while or another needs its memory. Knows nothing of HTTP, or of how a model is loaded.

One thread loads and unloads, one model at a time. What is lent is not unloaded:

    ask A -> lent A            A is loaded: at once
    ask B -> queue -> room? -> load -> lent B
                       |
                       +-- unload what is idle, the least recently used first
                       +-- else wait until a busy one is given back, which is lent to nobody before
                       +-- else refuse, with the numbers
"""

from __future__ import annotations

import gc
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from llamapack_runtime.api.errors import NotReady
from llamapack_runtime.api.hold import Hold
from llamapack_runtime.api.service import (
    LoadFailed,
    Loading,
    Ready,
    ReadyToEmbed,
    State,
    Unloaded,
    resting,
)
from llamapack_runtime.api.stock import Loads, Shelved, Stock, Stockroom

logger = logging.getLogger(__name__)

# How long `close` waits for the thread that loads.
CLOSE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class _Wish:
    future: Future[Hold]
    keep_alive_s: float | None
    may_wait: bool


@dataclass(slots=True)
class _Slot:
    """Guarded by the pool's lock. `is_leaving`: to be unloaded, and lent to nobody. `is_owed`: to
    be loaded, though nobody waits for it."""

    index: int
    stock: Stock
    keep_alive_s: float
    state: State = field(default_factory=Unloaded)
    loader: Loads | None = None
    n_holds: int = 0
    used_s: float = 0.0
    is_leaving: bool = False
    is_owed: bool = False
    wishes: list[_Wish] = field(default_factory=list)

    @property
    def is_loaded(self) -> bool:
        return isinstance(self.state, Ready | ReadyToEmbed)

    @property
    def is_wanted(self) -> bool:
        return self.is_owed or any(not wish.future.cancelled() for wish in self.wishes)

    @property
    def expires_s(self) -> float:
        idle = self.is_loaded and not self.n_holds
        return self.used_s + self.keep_alive_s if idle else math.inf


class Pool:
    """`tell_first` hears of the first model's states, from any thread: those that the page shows
    while it starts, and later whether it is loaded. Every method may be called from any thread."""

    def __init__(
        self,
        stocks: Sequence[Stock],
        stockroom: Stockroom,
        tell_first: Callable[[State], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stocks = tuple(stocks)
        self._stockroom = stockroom
        self._tell_first = tell_first
        self._clock = clock
        self._changed = threading.Condition()  # guards all that follows
        self._slots = [_Slot(n, stock, stock.keep_alive_s) for n, stock in enumerate(stocks)]
        self._queue: deque[_Slot] = deque()
        self._stuck: list[Loads] = []
        self._is_closed = False
        self._first_was_ready = False
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        """Load the first model."""
        self._slots[0].is_owed = True
        self._queue.append(self._slots[0])
        self._thread.start()

    def ask(
        self, stock: Stock, keep_alive_s: float | None = None, *, may_wait: bool = True
    ) -> Future[Hold]:
        """The model, to be released; loaded before when it is not. Whoever does not wait any longer
        cancels the future, or calls `give_up`. `keep_alive_s` None: as before. `may_wait` False: no
        model that is lent is waited for, as whoever has borrowed one must not. NotReady when it
        cannot be loaded."""
        slot, future = self._slots[self.stocks.index(stock)], Future[Hold]()
        with self._changed:
            if self._is_closed:
                future.set_exception(_stopping())
                return future
            wish = _Wish(future, keep_alive_s, may_wait)
            if slot.is_loaded and not slot.is_leaving:
                self._grant(slot, wish)
                return future
            slot.wishes.append(wish)
            if slot not in self._queue:
                self._queue.append(slot)
            self._changed.notify_all()
        return future

    def give_up(self, future: Future[Hold]) -> None:
        """Of one that `ask` returned: nobody waits for it any longer."""
        if not future.cancel():
            future.add_done_callback(_release)
        self.look()

    def peek(self, stock: Stock) -> Hold | None:
        """The model if it is loaded, to be released."""
        slot = self._slots[self.stocks.index(stock)]
        with self._changed:
            return self._lend(slot) if slot.is_loaded and not slot.is_leaving else None

    def let_go(self, stock: Stock) -> None:
        """Unload it as soon as nobody uses it."""
        slot = self._slots[self.stocks.index(stock)]
        with self._changed:
            if slot.is_loaded:
                slot.keep_alive_s = 0.0
                self._changed.notify_all()

    def shelves(self) -> list[Shelved]:
        """All models as they are now."""
        with self._changed:
            now_s = self._clock()
            return [
                Shelved(one.stock, one.state, max(0.0, self._until_unloaded_s(one, now_s)))
                for one in self._slots
            ]

    @property
    def is_lent(self) -> bool:
        """Whether somebody uses one of them, or waits for one."""
        with self._changed:
            return any(slot.n_holds or slot.is_wanted for slot in self._slots)

    def look(self) -> None:
        """Look at the clock again, and at who waits."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End what loads and all answers. May be called twice."""
        with self._changed:
            self._is_closed = True
            wishes = [wish for slot in self._slots for wish in slot.wishes]
            for slot in self._slots:
                slot.wishes = []
            loaders = [slot.loader for slot in self._slots if slot.loader is not None]
            self._changed.notify_all()
        for wish in wishes:
            if wish.future.set_running_or_notify_cancel():
                wish.future.set_exception(_stopping())
        for loader in loaders:
            loader.stop()
        for loader in loaders:
            loader.close()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    @property
    def is_running(self) -> bool:
        """True while native code has not come back."""
        loaders = [*self._stuck, *(slot.loader for slot in self._slots if slot.loader)]
        return self._thread.is_alive() or any(loader.is_running for loader in loaders)

    def _grant(self, slot: _Slot, wish: _Wish) -> None:
        if wish.keep_alive_s is not None:
            slot.keep_alive_s = wish.keep_alive_s
        if wish.future.set_running_or_notify_cancel():
            wish.future.set_result(self._lend(slot))

    def _lend(self, slot: _Slot) -> Hold:
        assert isinstance(slot.state, Ready | ReadyToEmbed), "only what is loaded is lent"

        def borrow() -> None:
            with self._changed:
                slot.n_holds += 1

        def give_back() -> None:
            with self._changed:
                slot.n_holds -= 1
                slot.used_s = self._clock()
                self._changed.notify_all()

        return Hold(slot.stock, slot.state, borrow, give_back)

    def _until_unloaded_s(self, slot: _Slot, now_s: float) -> float:
        since_s = now_s if slot.n_holds else slot.used_s
        return since_s + slot.keep_alive_s - now_s if slot.is_loaded else math.inf

    # ---- the thread that loads ----

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()
            del work  # it knows the model

    def _next(self) -> Callable[[], None] | None:
        """What to do as soon as there is something; None at the end."""
        with self._changed:
            while not self._is_closed:
                if self._queue:
                    return partial(self._load, self._queue.popleft())
                first = min(self._slots, key=lambda slot: slot.expires_s)
                left_s = first.expires_s - self._clock()
                if left_s <= 0:
                    first.is_leaving = True
                    return partial(self._unload, first)
                self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
        return None

    def _load(self, slot: _Slot) -> None:
        problem = None
        if not slot.is_loaded and slot.is_wanted:
            problem = self._make_room(slot)
            if problem is None and slot.is_wanted:
                problem = self._open(slot)
        self._settle(slot, problem)

    def _open(self, slot: _Slot) -> str | None:
        """What went wrong."""
        taken_bytes = self._taken_bytes(slot)
        loader = self._stockroom.loader(slot.index, taken_bytes, partial(self._show, slot))
        with self._changed:
            if self._is_closed:
                return None
            slot.loader, slot.state = loader, Loading(total_bytes=slot.stock.card.size_bytes)
        loader.start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or not isinstance(slot.state, Loading | Unloaded)
            )
            if not isinstance(slot.state, LoadFailed):
                return None
            slot.loader, problem = None, slot.state.sentence
        loader.close()
        return problem

    def _show(self, slot: _Slot, state: State) -> None:
        """On the thread of a loader."""
        with self._changed:
            slot.state = state
            slot.used_s = self._clock()
            if slot.index == 0:
                # Once the program has begun, that it loads is told to those who wait for it.
                if slot.is_loaded or not self._first_was_ready:
                    self._tell_first(state)
                self._first_was_ready |= slot.is_loaded
            self._changed.notify_all()

    def _settle(self, slot: _Slot, problem: str | None) -> None:
        """Tell all who wait for it. Those who came since nobody did are in the queue again."""
        with self._changed:
            if not (slot.is_loaded or problem or self._is_closed):
                return
            slot.is_owed = False
            self._changed.notify_all()
            wishes, slot.wishes = slot.wishes, []
            for wish in wishes:
                if slot.is_loaded:
                    self._grant(slot, wish)
                elif wish.future.set_running_or_notify_cancel():
                    wish.future.set_exception(_unusable(problem) if problem else _stopping())

    def _make_room(self, slot: _Slot) -> str | None:
        """The sentence that says why there is none. With no other model loaded, loading says it."""
        while any(one.is_loaded for one in self._slots):
            fit = self._stockroom.fit(slot.index, self._taken_bytes(slot))
            if fit.is_whole:
                return None
            other = self._idle() or (self._drained(slot) if fit.problem else None)
            if other is None:
                return fit.problem
            logger.info("%s makes room for %s.", other.stock.card.name, slot.stock.card.name)
            self._unload(other)
        return None

    def _idle(self) -> _Slot | None:
        """The least recently used one that nobody uses, which from now on is lent to nobody."""
        with self._changed:
            idle = [one for one in self._slots if one.is_loaded and not one.n_holds]
            if not idle:
                return None
            found = min(idle, key=lambda one: one.used_s)
            found.is_leaving = True
            return found

    def _drained(self, slot: _Slot) -> _Slot | None:
        """The least recently used one as soon as nobody uses it. None when that is not worth
        waiting for any longer."""
        with self._changed:
            busy = [one for one in self._slots if one.is_loaded]
            if not busy or not self._may_wait(slot):
                return None
            found = min(busy, key=lambda one: one.used_s)
            found.is_leaving = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: not found.n_holds or self._is_closed or not self._may_wait(slot)
            )
            if not found.n_holds and not self._is_closed:
                return found
            found.is_leaving = False
            self._changed.notify_all()
        self._settle(found, None)
        return None

    def _may_wait(self, slot: _Slot) -> bool:
        """Whether somebody wants it who has not borrowed another."""
        wishes = [wish for wish in slot.wishes if not wish.future.cancelled()]
        return slot.is_owed or any(wish.may_wait for wish in wishes)

    def _unload(self, slot: _Slot) -> None:
        """One that is leaving."""
        loader = slot.loader
        assert loader is not None, "what is loaded was loaded by one"
        loader.close()
        if loader.is_running:
            self._stuck.append(loader)
        with self._changed:
            slot.loader, slot.state = None, resting(slot.state)
            slot.keep_alive_s = slot.stock.keep_alive_s
            slot.is_leaving = False
            if slot.index == 0:
                self._tell_first(slot.state)
            self._changed.notify_all()
        del loader
        # A session, its template and its states know each other: 80 MB that would wait for a
        # collection of their own.
        gc.collect()

    def _taken_bytes(self, slot: _Slot) -> int:
        """By the weights of all others that are loaded."""
        with self._changed:
            others = [one for one in self._slots if one.is_loaded and one is not slot]
            return sum(one.stock.card.size_bytes for one in others)


def _unusable(problem: str) -> NotReady:
    return NotReady(problem, "model_unusable")


def _stopping() -> NotReady:
    return NotReady("The program is stopping.", "shutting_down")


def _release(future: Future[Hold]) -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().release()
