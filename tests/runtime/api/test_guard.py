"""Who may ask, and what every answer carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.guard import CONTENT_SECURITY_POLICY
from llamapack_runtime.api.service import Service
from llamapack_runtime.keys import ApiKey
from runtime.api.clients import KEY, make_client
from runtime.api.conftest import Quits

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


OTHER_KEY = "another-secret"
KEYS = (ApiKey("me", KEY), ApiKey("team", OTHER_KEY))


@pytest.fixture
def locked(ready: Service, web_root: Path) -> TestClient:
    """Listens on every address, so it needs its key."""
    return make_client(ready, web_root, Access(EVERY_ADDRESS, KEYS, ticket="one-time"))


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
@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/health"])
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
    assert KEY not in repr(Access(EVERY_ADDRESS, KEYS))


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
@pytest.mark.parametrize("how", ["Authorization: Bearer ", "authorization: bearer ", "X-Api-Key: "])
def test_every_key_opens_in_every_way(locked: TestClient, how: str, key: str) -> None:
    name, _, prefix = how.partition(": ")
    assert locked.get("/v1/models", headers={name: prefix + key}).status_code == 200
    assert locked.get("/v1/models", headers={name: prefix + key + "x"}).status_code == 401


def test_only_the_first_key_stops_the_program(
    locked: TestClient, ready: Service, web_root: Path, quits: Quits
) -> None:
    team = {"X-Api-Key": OTHER_KEY}
    refused = locked.post("/llamapack/quit", json={}, headers=team)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    page_of_team = make_client(ready, web_root, Access(keys=KEYS))
    page_of_team.get(f"/?key={OTHER_KEY}")
    assert page_of_team.post("/llamapack/quit", json={}).status_code == 403
    assert quits.count == 0
    page_of_me = make_client(ready, web_root, Access(keys=KEYS))
    page_of_me.get(f"/?key={KEY}")
    assert page_of_me.post("/llamapack/quit", json={}).status_code == 202
    assert locked.post("/llamapack/quit", json={}, headers={"X-Api-Key": KEY}).status_code == 202
    assert quits.count == 2


def test_the_log_names_the_key_and_does_not_show_it(
    locked: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    locked.get(f"/v1/models?key={KEY}", headers={"X-Api-Key": OTHER_KEY})
    locked.get(f"/?key={KEY}")
    locked.get("/%0Afake", headers={"X-Api-Key": KEY})
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("llamapack")]
    assert ours == ["GET /v1/models by 'team'", "GET /%0Afake by 'me'"]


def test_a_key_of_characters_that_no_key_has_does_not_open(locked: TestClient) -> None:
    for odd in ("\udcff", "\x00", "é" * 300):
        headers = {b"x-api-key": odd.encode("utf-8", "surrogateescape")}
        assert locked.get("/v1/models", headers=headers).status_code == 401


def test_too_many_headers_are_refused(client: TestClient) -> None:
    reply = client.get("/health", headers={f"x-{i}": "1" for i in range(101)})
    assert (reply.status_code, reply.json()["error"]["code"]) == (431, "too_many_headers")


def test_headers_that_are_too_long_are_refused(client: TestClient) -> None:
    reply = client.get("/health", headers={"x": "y" * 33_000})
    assert (reply.status_code, reply.json()["error"]["code"]) == (431, "headers_too_large")


def test_an_address_that_is_too_long_is_refused(client: TestClient) -> None:
    reply = client.get("/health?" + "x" * 9000)
    assert (reply.status_code, reply.json()["error"]["code"]) == (414, "address_too_long")


@pytest.mark.parametrize("path", ["/health", "/v1/health", "/healthz", "/readyz"])
def test_whether_it_is_well_is_told_without_the_key(locked: TestClient, path: str) -> None:
    assert locked.get(path).json() == {"status": "ok"}
    foreign = {"Host": EVERY_ADDRESS, "Origin": "http://evil.example"}
    assert locked.get(path, headers=foreign).status_code == 403
    assert locked.get(path + "/x").status_code == 401


SHAPES = {
    "/v1/chat/completions": {"message", "type", "param", "code"},
    "/v1/responses": {"message", "type", "param", "code"},
    "/completion": {"message", "type", "code"},
    "/v1/messages": {"message", "type"},
}
REFUSED: dict[int, dict[str, str]] = {
    401: {},
    403: {"Host": "evil.example:1"},
    413: {"Content-Length": str(2**30), "X-Api-Key": KEY},
    414: {},
    415: {"Origin": "http://localhost:8080", "Content-Type": "text/plain", "X-Api-Key": KEY},
    431: {"x": "y" * 33_000},
}


@pytest.mark.parametrize("status", REFUSED)
@pytest.mark.parametrize("path", [*SHAPES, "/api/chat"])
def test_a_refusal_has_the_shape_of_the_dialect(
    ready: Service, web_root: Path, path: str, status: int
) -> None:
    guarded = make_client(ready, web_root, Access("127.0.0.1", KEYS))
    query = "?" + "x" * 9000 if status == 414 else ""
    reply = guarded.post(path + query, content=b"{}", headers=REFUSED[status])
    assert reply.status_code == status
    error = reply.json()["error"]
    if path == "/api/chat":
        assert reply.json() == {"error": error}
        assert isinstance(error, str)
        return
    assert error.keys() == SHAPES[path]
    assert (reply.json().get("type") == "error") == (path == "/v1/messages")
    assert (error["code"] == status) if path == "/completion" else True
