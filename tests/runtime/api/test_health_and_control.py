"""Health, info, instance, quit and the page's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.proof import instance_proof
from llamapack_runtime.api.service import LoadFailed, Loading, Service
from runtime.api.clients import make_client
from runtime.api.conftest import TOKEN, Quits

HEALTH = ["/health", "/v1/health", "/healthz", "/readyz"]


@pytest.mark.parametrize("path", HEALTH)
def test_health_is_ok_when_ready(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", HEALTH)
def test_health_tells_the_progress(loading_client: TestClient, service: Service, path: str) -> None:
    service.state = Loading("loading", 0.25, 250, 1000)
    reply = loading_client.get(path)
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "1"
    assert reply.json() == {
        "error": {"code": 503, "message": "Loading model", "type": "unavailable_error"},
        "loading": {
            "stage": "loading",
            "progress": 0.25,
            "loaded_bytes": 250,
            "total_bytes": 1000,
        },
    }


def test_health_tells_why_it_failed(loading_client: TestClient, service: Service) -> None:
    service.state = LoadFailed("The model does not fit.", "memory")
    reply = loading_client.get("/health")
    assert reply.status_code == 503
    assert reply.json()["failed"] == "The model does not fit."
    assert reply.json()["code"] == "memory"
    assert reply.json()["error"]["message"] == "The model does not fit."


def test_chat_waits_for_the_model(loading_client: TestClient, service: Service) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    reply = loading_client.post("/v1/chat/completions", json=body)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.json()["error"]["code"] == "loading"
    service.state = LoadFailed("The model does not fit.")
    reply = loading_client.post("/v1/chat/completions", json=body)
    assert reply.json()["error"]["message"] == "The model does not fit."


def test_info_of_a_ready_pack(client: TestClient) -> None:
    info = client.get("/llamapack/info").json()
    assert info["name"] == "Test pack"
    assert info["pack_id"] == "ab" * 32
    assert info["state"] == "ready"
    assert info["model"]["quantization"] == "Q4_1"
    assert info["versions"] == {"llama-cpp-python": "0.3.36"}
    assert info["hardware"] == "Fake CPU (plain), 2 threads"
    assert info["gpu"]["code"] == "software"
    assert info["notes"] == ["A note."]
    assert info["n_ctx"] == 512


def test_info_of_a_loading_and_a_failed_pack(loading_client: TestClient, service: Service) -> None:
    info = loading_client.get("/llamapack/info").json()
    assert (info["state"], info["loading"]["stage"]) == ("loading", "starting")
    assert (info["failed"], info["code"]) == (None, None)
    service.state = LoadFailed("No.", "file")
    info = loading_client.get("/llamapack/info").json()
    assert (info["state"], info["failed"], info["loading"]) == ("failed", "No.", None)
    assert info["code"] == "file"


def test_instance_proves_itself_without_its_token(client: TestClient) -> None:
    challenge = "0123456789abcdef"
    reply = client.get(f"/llamapack/instance?challenge={challenge}")
    assert reply.json() == {
        "pack_id": "ab" * 32,
        "pid": os.getpid(),
        "proof": instance_proof(TOKEN, challenge),
    }
    assert TOKEN not in reply.text
    assert "proof" not in client.get("/llamapack/instance").json()
    assert client.get("/llamapack/instance?challenge=short").status_code == 400


def test_quit_asks_the_program_to_stop(client: TestClient, quits: Quits) -> None:
    reply = client.post("/llamapack/quit", json={})
    assert (reply.status_code, quits.count) == (202, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
        {"Content-Type": "application/json", "Origin": "https://evil.example"},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_quit_takes_no_forms_and_no_strangers(
    client: TestClient, quits: Quits, headers: dict[str, str]
) -> None:
    assert client.post("/llamapack/quit", content=b"{}", headers=headers).status_code in (403, 415)
    assert client.get("/llamapack/quit").status_code in (404, 405)
    assert quits.count == 0


def test_the_page_and_its_files(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert client.get("/index.html").text == page.text
    script = client.get("/js/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


def test_the_style_sheets_of_a_page_come_as_one(client: TestClient) -> None:
    assert (
        client.get("/css/all.css").text == "/* all */\nbody { margin: 0 }\n\np { margin: 1em }\n\n"
    )


def test_an_unchanged_file_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.html",
        "/..%2foutside.html",
        "/js/%2e%2e/%2e%2e/outside.html",
        "/js",
        "/js/",
        "/notes.secret",
        "//etc/passwd",
        "/%00",
    ],
)
def test_only_the_pages_own_files_are_served(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert reply.json()["error"]["type"] == "not_found_error"


def test_a_missing_page_is_a_sentence(ready: Service, tmp_path: Path) -> None:
    reply = make_client(ready, tmp_path / "nowhere").get("/")
    assert reply.status_code == 404
