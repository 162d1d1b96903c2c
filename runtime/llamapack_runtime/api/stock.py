"""The models that a program has, and what loads them; `launch.stockroom` does, and so does the
tests' fake."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from llamapack_runtime.api.adapters import AdapterRack
from llamapack_runtime.api.service import ModelCard, State
from llamapack_runtime.model_kind import Kind

# What stays until the program ends, or another model needs its memory.
FOR_GOOD = math.inf


@dataclass(frozen=True, slots=True)
class Stock:
    """A model that there is. It stays loaded for `keep_alive_s` without being used, unless a
    request says otherwise. `makes_vectors`: a chat model that was asked for embeddings, too."""

    card: ModelCard
    kind: Kind
    keep_alive_s: float = FOR_GOOD
    makes_vectors: bool = False
    adapters: AdapterRack = field(default_factory=AdapterRack)


@dataclass(frozen=True, slots=True)
class Shelved:
    """A model as it is now. `expires_in_s`: when it is unloaded if nobody uses it; infinite: never,
    or it is not loaded."""

    stock: Stock
    state: State
    expires_in_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model would fit into what is free. `problem` is a sentence with the numbers: not at
    all. `is_reduced`: with a shorter context than it could have."""

    problem: str | None = None
    is_reduced: bool = False

    @property
    def is_whole(self) -> bool:
        return self.problem is None and not self.is_reduced


class Loads(Protocol):
    """Loads one model, once, on a thread of its own, and closes it on that thread; see
    `launch.loading.Loader`."""

    @property
    def is_running(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class Stockroom(Protocol):
    """`taken_bytes`: what the weights of loaded models hold, which the system may count as free
    because they are mapped. `index` counts the program's models."""

    def fit(self, index: int, taken_bytes: int) -> Fit:
        """Blocking, for some milliseconds."""

    def loader(self, index: int, taken_bytes: int, show: Callable[[State], None]) -> Loads:
        """`show` is called from any thread, with Ready, ReadyToEmbed or LoadFailed at the end."""
