"""Who may ask, and what every answer carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.guard import CONTENT_SECURITY_POLICY
from llamapack_runtime.api.service import Service
from runtime.api.clients import KEY, make_client

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound here

ROUTES = [
    ("GET", "/"),
    ("GET", "/js/main.js"),
    ("GET", "/health"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("GET", "/llamapack/info"),
    ("GET", "/llamapack/instance"),
    ("POST", "/llamapack/quit"),
    ("GET", "/nothing"),
]


@pytest.fixture
def locked(ready: Service, web_root: Path) -> TestClient:
    """Listens on every address, so it needs its key."""
    return make_client(ready, web_root, Access(EVERY_ADDRESS, KEY, ticket="one-time"))


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8080", "[::1]:8080"])
def test_this_computers_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", "[::1", ""],
)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_name_is_refused_on_every_route(
    client: TestClient, method: str, path: str, host: str
) -> None:
    reply = client.request(method, path, headers={"Host": host})
    assert reply.status_code == 403
    assert reply.json()["error"]["code"] == "wrong_host"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:9999"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_origin_is_refused_on_every_route(
    client: TestClient, method: str, path: str, origin: str
) -> None:
    reply = client.request(method, path, headers={"Origin": origin})
    assert reply.status_code == 403
    assert reply.json()["error"]["code"] == "cross_site_request"
    assert "access-control-allow-origin" not in reply.headers


def test_the_pages_own_origin_is_answered(client: TestClient) -> None:
    origin = {"Origin": "http://localhost:8080"}
    assert client.get("/llamapack/info", headers=origin).status_code == 200


def test_a_link_from_elsewhere_opens_the_page_and_nothing_else(client: TestClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/llamapack/info", headers=link).status_code == 403


def test_an_image_elsewhere_cannot_ask(client: TestClient) -> None:
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/llamapack/info", headers=image).status_code == 403


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_answer_carries_the_policy(client: TestClient, method: str, path: str) -> None:
    headers = client.request(method, path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer ", f"Basic {KEY}", KEY])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_key_every_route_is_closed(
    locked: TestClient, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = locked.request(method, path, headers=headers)
    assert reply.status_code == 401
    assert reply.json()["error"]["type"] == "authentication_error"
    assert reply.headers["www-authenticate"] == "Bearer"


def test_the_key_opens_from_any_host(locked: TestClient) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Host": "desk.local:8080"}
    assert locked.get("/v1/models", headers=headers).status_code == 200


def test_the_page_exchanges_the_key_for_a_cookie(locked: TestClient) -> None:
    reply = locked.get(f"/?key={KEY}")
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert KEY not in cookie
    assert locked.get("/").status_code == 200
    assert locked.get("/llamapack/info").status_code == 200


def test_the_browsers_ticket_works_once(locked: TestClient) -> None:
    assert locked.get("/?key=one-time").status_code == 303
    locked.cookies.clear()
    assert locked.get("/?key=one-time").status_code == 401


@pytest.mark.parametrize("path", ["/?key=wrong", "/llamapack/info?key=" + KEY, "/?key="])
def test_a_wrong_or_misplaced_key_does_not_open(locked: TestClient, path: str) -> None:
    assert locked.get(path).status_code == 401


def test_a_person_without_the_key_reads_a_sentence(locked: TestClient) -> None:
    reply = locked.get("/", headers={"Accept": "text/html,*/*"})
    assert reply.headers["content-type"].startswith("text/plain")
    assert "?key=" in reply.text


def test_an_open_address_without_a_key_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        Access(EVERY_ADDRESS)


def test_a_key_is_not_printed() -> None:
    assert KEY not in repr(Access(EVERY_ADDRESS, KEY))
