"""A stockroom whose models are fake, on a computer with as much memory as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fakes import fake_session
from llamapack_runtime.api.pool import Pool
from llamapack_runtime.api.service import LoadFailed, ModelCard, Ready, ReadyToEmbed, State
from llamapack_runtime.api.stock import FOR_GOOD, Fit, Loads, Stock
from llamapack_runtime.engine.embed_texts import TextEmbedder
from llamapack_runtime.model_kind import Kind

TIMEOUT_S = 20.0
KEEP_S = 300.0


def stock(name: str, size: int = 10, kind: Kind = "chat", keep_alive_s: float = KEEP_S) -> Stock:
    card = ModelCard(name, name, "llama", "Q4_1", size, 512, size, kind == "chat", None)
    return Stock(card, kind, keep_alive_s)


A, B, C = stock("A", keep_alive_s=FOR_GOOD), stock("B"), stock("C")
E = stock("E", kind="embedding")


@dataclass(eq=False)
class FakeLoader:
    """Loads on a thread of its own, as the real one; not before `gate` is open."""

    room: FakeStockroom
    stock: Stock
    show: Callable[[State], None]
    gate: threading.Event
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.gate.set()

    def close(self) -> None:
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(TIMEOUT_S)

    def _run(self) -> None:
        assert self.gate.wait(TIMEOUT_S)
        if self.stopping.is_set():
            return
        if self.room.failures:
            self.show(LoadFailed(self.room.failures.pop(0)))
            return
        state = self.room.state_of(self.stock)
        self.room.loaded.append(self.stock.card.id)
        self.room.log.append(f"load {self.stock.card.id}")
        self.show(state)
        self.stopping.wait()
        (state.session if isinstance(state, Ready) else state.embedder).close()
        self.room.loaded.remove(self.stock.card.id)
        self.room.log.append(f"unload {self.stock.card.id}")


class FakeStockroom:
    """`memory` None: as much as anybody wants. `log` tells what was loaded and unloaded, `loaded`
    what is. While `gate` is closed, nothing gets loaded; `loading` is set when something is to be.
    `failures` are the sentences of the next loads, `options` those of the fake sessions."""

    def __init__(self, stocks: Sequence[Stock], memory: int | None = None) -> None:
        self.stocks = stocks
        self.memory = memory
        self.log: list[str] = []
        self.loaded: list[str] = []
        self.failures: list[str] = []
        self.most_loaded = 0
        self.gate = threading.Event()
        self.gate.set()
        self.loading = threading.Event()
        self.embedder: Callable[[], TextEmbedder] | None = None
        self.options: dict[str, int] = {}

    def fit(self, index: int, taken_bytes: int) -> Fit:
        size = self.stocks[index].card.size_bytes
        if self.memory is None or size + taken_bytes <= self.memory:
            return Fit()
        return Fit(f"Model needs {size} bytes but {self.memory - taken_bytes} are free.")

    def loader(self, index: int, taken_bytes: int, show: Callable[[State], None]) -> Loads:
        assert self.fit(index, taken_bytes).problem is None or taken_bytes == 0
        self.most_loaded = max(self.most_loaded, len(self.loaded) + 1)
        self.loading.set()
        return FakeLoader(self, self.stocks[index], show, self.gate)

    def state_of(self, one: Stock) -> Ready | ReadyToEmbed:
        """Each chat model says its own name."""
        if one.kind == "chat":
            return Ready(fake_session(one.card.id, **self.options), "")
        assert self.embedder is not None, "set by the test"
        return ReadyToEmbed(self.embedder(), "")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def pooled(
    room: FakeStockroom, clock: Callable[[], float] | None = None, *, is_started: bool = True
) -> Iterator[Pool]:
    """With the first model loaded."""
    told: list[State] = []
    pool = Pool(room.stocks, room, told.append, clock or Clock())
    try:
        if is_started:
            pool.start()
            pool.ask(room.stocks[0]).result(TIMEOUT_S).release()
        yield pool
    finally:
        pool.close()
    assert not pool.is_running
