"""Short ways to ask an engine over a FakeModel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fakes import FakeModel
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.types import Request
from runtime.engine.listener import Listener


def request(name: str = "a", prompt: str = "Hi", **fields: object) -> Request:
    return replace(Request(name, tuple(prompt.encode())), **fields)  # type: ignore[arg-type]  # a shorthand for tests


@contextmanager
def held(model: FakeModel, max_waiting: int = 64, *, speculates: bool = True) -> Iterator[Engine]:
    """An engine whose steps wait until the test opens `model.gate`."""
    model.gate = threading.Event()
    with Engine(model, max_waiting=max_waiting, speculates=speculates) as engine:
        yield engine


def ask(engine: Engine, asked: Request) -> Listener:
    listener = Listener()
    engine.submit(asked, listener)
    return listener
