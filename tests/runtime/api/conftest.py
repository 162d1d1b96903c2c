"""An application over a fake model, and clients for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fakes import fake_session
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.service import About, AnswerDefaults, ModelCard, Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import SamplingParams
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.server import serve
from runtime.api.clients import make_client
from runtime.api.served import TIMEOUT_S, Server, StartServer

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
TOKEN = "c0ffee" * 8


class Quits:
    """Counts how often the program was asked to stop."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def quits() -> Quits:
    return Quits()


@pytest.fixture
def service(quits: Quits) -> Service:
    """Still loading."""
    return Service(ABOUT, AnswerDefaults(SamplingParams(temperature=0.0)), quits, TOKEN)


@pytest.fixture
def make_session() -> Iterator[Callable[..., Session]]:
    """Sessions over a fake model, closed at the end."""
    made: list[Session] = []

    def make(reply: str | None = "Hello!", **options: object) -> Session:
        made.append(fake_session(reply, **options))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
def ready(service: Service, make_session: Callable[..., Session]) -> Service:
    """Answers "Hello!"."""
    service.state = Ready(make_session(), "Fake CPU (plain), 2 threads", ("A note.",))
    return service


@pytest.fixture
def web_root(tmp_path: Path) -> Path:
    root = tmp_path / "web"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>Chat</title>")
    (root / "js" / "main.js").write_text("export {};")
    (root / "notes.secret").write_text("not of a known type")
    (tmp_path / "outside.html").write_text("outside")
    return root


@pytest.fixture
def client(ready: Service, web_root: Path) -> TestClient:
    return make_client(ready, web_root)


@pytest.fixture
def loading_client(service: Service, web_root: Path) -> TestClient:
    return make_client(service, web_root)


@pytest.fixture
def start(service: Service, web_root: Path) -> Iterator[StartServer]:
    """Serves a session on a free port, with a comment after each 20 ms of silence."""
    made: list[tuple[Server, threading.Thread]] = []

    def start_one(session: Session) -> Server:
        listener = listen("127.0.0.1", 0)
        service.state = Ready(session, "")
        server = Server(url_of(listener), listener.getsockname()[1], session)
        app = build_app(service, Access(), web_root, keep_alive_s=0.02)
        started = threading.Event()

        def run() -> None:
            serve(
                app,
                listener,
                should_stop=server.stopping.is_set,
                on_start=started.set,
                before_end=session.close,
            )
            server.stopped.set()

        thread = threading.Thread(target=run)
        made.append((server, thread))
        thread.start()
        assert started.wait(TIMEOUT_S)
        return server

    yield start_one
    for server, thread in made:
        server.stopping.set()
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
