"""An application over a fake model, and clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fakes import fake_session
from llamapack_runtime.api.service import AnswerDefaults, GpuWords, Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.sampling import SamplingParams
from runtime.api.clients import make_client
from runtime.api.served import ABOUT, Server, StartServer, serving

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
    gpu = GpuWords("software", "llvmpipe", 0.0, 0, 0, "No graphics card is used.")
    service.state = Ready(make_session(), "Fake CPU (plain), 2 threads", ("A note.",), gpu=gpu)
    return service


@pytest.fixture
def web_root(tmp_path: Path) -> Path:
    root = tmp_path / "web"
    (root / "js").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>Chat</title>")
    (root / "js" / "main.js").write_text("export {};")
    (root / "css").mkdir()
    (root / "css" / "all.css").write_text('/* all */\n@import "page.css";\n@import "text.css";\n')
    (root / "css" / "page.css").write_text("body { margin: 0 }\n")
    (root / "css" / "text.css").write_text("p { margin: 1em }\n")
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
    with ExitStack() as servers:

        def start_one(session: Session) -> Server:
            return servers.enter_context(serving(service, session, web_root, keep_alive_s=0.02))

        yield start_one
