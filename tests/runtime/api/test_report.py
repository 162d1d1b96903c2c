"""GET /llamapack/report passes on what the program tells of itself."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from llamapack_runtime.api.service import LoadFailed, Loading, Service
from runtime.api.clients import make_client


def test_it_is_told_in_every_state(service: Service, web_root: Path) -> None:
    service.report = lambda: f"state: {service.state}"
    client = make_client(service, web_root)
    for state in (Loading("probing"), LoadFailed("No.", "cpu")):
        service.state = state
        reply = client.get("/llamapack/report")
        assert (reply.status_code, reply.text) == (200, f"state: {state}")
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        assert reply.headers["cache-control"] == "no-store"


def test_without_one_it_says_so(client: TestClient) -> None:
    reply = client.get("/llamapack/report")
    assert (reply.status_code, reply.json()["error"]["code"]) == (501, "not_supported")


def test_stages_are_timed_once(service: Service) -> None:
    first = service.began_s["starting"]
    for state in (Loading("loading", 0.1), Loading("loading", 0.9), LoadFailed("No."), Loading()):
        service.state = state
    assert list(service.began_s) == ["starting", "loading", "failed"]
    assert service.began_s["starting"] == first <= service.began_s["loading"]
