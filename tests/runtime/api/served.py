"""The application behind the real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.service import About, ModelCard, Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.server import serve

TIMEOUT_S = 20.0
ABOUT = About(
    name="Test pack",
    pack_id="ab" * 32,
    llamapack_version="1.2.3",
    versions={"llama-cpp-python": "0.3.36"},
    model=ModelCard(
        id="test-model",
        name="Test model",
        architecture="llama",
        quantization="Q4_1",
        parameter_count=135,
        context_length=512,
        size_bytes=1000,
        has_chat_template=True,
        license="mit",
    ),
)


@dataclass
class Server:
    url: str
    port: int
    session: Session
    stopping: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def wait_until_idle(self) -> None:
        for _ in range(int(TIMEOUT_S / 0.01)):
            stats = self.session.stats()
            if stats.busy + stats.waiting == 0:
                return
            threading.Event().wait(0.01)  # the engine tells nobody when it becomes idle
        pytest.fail("the engine is still busy with an answer that nobody waits for")


StartServer = Callable[[Session], Server]


@contextmanager
def serving(
    service: Service, session: Session, web_root: Path, *, keep_alive_s: float = 5.0
) -> Iterator[Server]:
    """On a free port, with a comment in streams after `keep_alive_s` of silence. The session is
    closed at the end."""
    listener = listen("127.0.0.1", 0)
    service.state = Ready(session, "")
    server = Server(url_of(listener), listener.getsockname()[1], session)
    app = build_app(service, Access(), web_root, keep_alive_s=keep_alive_s)
    started = threading.Event()

    def say_goodbye() -> None:
        session.close()
        service.end()

    def run() -> None:
        serve(
            app,
            listener,
            should_stop=server.stopping.is_set,
            on_start=started.set,
            before_end=say_goodbye,
        )
        server.stopped.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(TIMEOUT_S)
        yield server
    finally:
        server.stopping.set()
        thread.join(TIMEOUT_S)
    assert not thread.is_alive()
