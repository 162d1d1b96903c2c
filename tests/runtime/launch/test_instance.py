"""A second start finds the first, and nobody else's process."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from llamapack_runtime.api.proof import instance_proof
from llamapack_runtime.launch.instance import Instance, Registry

TOKEN = "f00d" * 16


class Peer(HTTPServer):
    """Answers as a process that knows `token`, or whatever `answer` says."""

    token = TOKEN
    answer: bytes | None = None
    seen: list[str | None]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Peer)
        self.server.seen.append(self.headers["Authorization"])
        challenge = parse_qs(urlsplit(self.path).query)["challenge"][0]
        proof = instance_proof(self.server.token, challenge)
        answer = self.server.answer
        body = json.dumps({"proof": proof}).encode() if answer is None else answer
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer(("127.0.0.1", 0), Handler) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def instance_of(peer: Peer, api_key: str | None = None) -> Instance:
    return Instance(f"http://127.0.0.1:{peer.server_port}/", "digest", TOKEN, api_key)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "data", "pack one")


def test_a_running_instance_is_found(registry: Registry, peer: Peer) -> None:
    with registry.locked():
        assert registry.find() is None
        registry.register(instance_of(peer))
        assert registry.find() == instance_of(peer)


def test_the_key_is_shown_to_the_instance(registry: Registry, peer: Peer) -> None:
    with registry.locked():
        registry.register(instance_of(peer, "a-long-secret"))
        assert registry.find() is not None
    assert peer.seen == ["Bearer a-long-secret"]


def test_another_pack_is_not_found(registry: Registry, peer: Peer, tmp_path: Path) -> None:
    with registry.locked():
        registry.register(instance_of(peer))
    other = Registry(tmp_path / "data", "pack two")
    with other.locked():
        assert other.find() is None


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"[]", b'{"proof": 1}', b'{"proof": ""}', b"\xff"]
)
def test_a_stranger_on_the_port_is_not_taken_for_it(
    registry: Registry, peer: Peer, answer: bytes
) -> None:
    peer.answer = answer
    with registry.locked():
        registry.register(instance_of(peer))
        assert registry.find() is None


def test_a_process_with_another_token_is_not_taken_for_it(registry: Registry, peer: Peer) -> None:
    peer.token = "0000"
    with registry.locked():
        registry.register(instance_of(peer))
        assert registry.find() is None


def test_a_stale_file_is_removed(registry: Registry, tmp_path: Path, free_port: int) -> None:
    with registry.locked():
        registry.register(Instance(f"http://127.0.0.1:{free_port}/", "digest", TOKEN))
        assert registry.find() is None
    assert list((tmp_path / "data").rglob("*.json")) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"url": 1, "settings": 2, "token": 3}'])
def test_a_damaged_file_is_no_instance(registry: Registry, tmp_path: Path, content: str) -> None:
    with registry.locked():
        registry.register(Instance("http://127.0.0.1:1/", "digest", TOKEN))
        (file,) = (tmp_path / "data").rglob("*.json")
        file.write_text(content)
        assert registry.find() is None


def test_only_its_own_file_is_removed(registry: Registry, peer: Peer) -> None:
    mine, newer = Instance("http://127.0.0.1:1/", "digest", TOKEN), instance_of(peer)
    with registry.locked():
        registry.register(newer)
    registry.unregister(mine)
    with registry.locked():
        assert registry.find() == newer
    registry.unregister(newer)
    with registry.locked():
        assert registry.find() is None


def test_others_cannot_read_it(registry: Registry, tmp_path: Path) -> None:
    with registry.locked():
        registry.register(Instance("http://127.0.0.1:1/", "digest", TOKEN, "a-long-secret"))
    (file,) = (tmp_path / "data").rglob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_two_starts_wait_for_each_other(registry: Registry, tmp_path: Path) -> None:
    order: list[str] = []
    other = Registry(tmp_path / "data", "pack one")
    started = threading.Event()

    def second() -> None:
        started.set()
        with other.locked():
            order.append("second")

    thread = threading.Thread(target=second)
    with registry.locked():
        thread.start()
        assert started.wait(10)
        thread.join(0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_secrets_are_not_printed() -> None:
    text = repr(Instance("http://127.0.0.1:1/", "digest", TOKEN, "a-long-secret"))
    assert TOKEN not in text
    assert "a-long-secret" not in text
