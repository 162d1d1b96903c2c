"""The application behind the real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from llamapack_runtime.chat.session import Session

TIMEOUT_S = 20.0


@dataclass
class Server:
    url: str
    port: int
    session: Session
    stopping: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def wait_until_idle(self) -> None:
        for _ in range(int(TIMEOUT_S / 0.01)):
            if self.session.stats().busy == 0:
                return
            threading.Event().wait(0.01)  # the engine tells nobody when it becomes idle
        pytest.fail("the engine is still busy with an answer that nobody waits for")


StartServer = Callable[[Session], Server]
