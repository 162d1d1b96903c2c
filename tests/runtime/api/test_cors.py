"""Web pages of origins that the owner allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.service import Service
from llamapack_runtime.keys import ApiKey
from runtime.api.clients import KEY, make_client
from runtime.api.conftest import Quits

FRIEND = "https://friend.example"
FROM_FRIEND = {"Origin": FRIEND}
ASKING = FROM_FRIEND | {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
}
CHAT = "/v1/chat/completions"


@pytest.fixture
def open_to(ready: Service, web_root: Path) -> TestClient:
    return make_client(ready, web_root, Access(origins=frozenset({FRIEND, "app://friend"})))


@pytest.fixture
def locked(ready: Service, web_root: Path) -> TestClient:
    access = Access(keys=(ApiKey("me", KEY),), origins=frozenset({FRIEND}))
    return make_client(ready, web_root, access)


def test_an_allowed_page_may_ask_and_read(open_to: TestClient) -> None:
    for origin in (FRIEND, "app://friend", FRIEND.upper()):
        reply = open_to.get("/v1/models", headers={"Origin": origin})
        assert reply.status_code == 200
        assert reply.headers["access-control-allow-origin"] == origin
        assert reply.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in reply.headers


def test_its_browser_is_told_what_it_may_send(locked: TestClient) -> None:
    reply = locked.options(CHAT, headers=ASKING)
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == FRIEND
    assert reply.headers["access-control-allow-methods"] == "GET, HEAD, POST, PATCH, DELETE"
    assert reply.headers["access-control-allow-headers"] == ASKING["Access-Control-Request-Headers"]
    assert "access-control-allow-credentials" not in reply.headers
    assert "access-control-allow-private-network" not in reply.headers


def test_a_page_on_the_internet_may_ask_a_computer_at_home(open_to: TestClient) -> None:
    asking = ASKING | {"Access-Control-Request-Private-Network": "true"}
    reply = open_to.options(CHAT, headers=asking)
    assert reply.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize("names", ["a b", "x" * 65, "a,,b", "a;b"])
def test_odd_header_names_are_not_repeated(open_to: TestClient, names: str) -> None:
    asking = ASKING | {"Access-Control-Request-Headers": names}
    allowed = open_to.options(CHAT, headers=asking).headers["access-control-allow-headers"]
    assert allowed == "authorization, x-api-key, anthropic-version, content-type"


@pytest.mark.parametrize(
    "origin", ["https://friend.example.evil", "http://friend.example", "null", "*", ""]
)
def test_others_are_refused_as_ever(open_to: TestClient, origin: str) -> None:
    for reply in (
        open_to.get("/v1/models", headers={"Origin": origin}),
        open_to.options(CHAT, headers=ASKING | {"Origin": origin}),
    ):
        assert reply.status_code == 403
        assert "access-control-allow-origin" not in reply.headers
        assert reply.headers["vary"] == "Origin"


def test_an_allowed_page_can_read_why_it_is_refused(locked: TestClient) -> None:
    reply = locked.post(CHAT, json={}, headers=FROM_FRIEND)
    assert reply.status_code == 401
    assert reply.headers["access-control-allow-origin"] == FRIEND


def test_our_pages_cookie_is_not_its_key(locked: TestClient) -> None:
    assert locked.get(f"/?key={KEY}").status_code == 303
    assert locked.get("/v1/models").status_code == 200
    assert locked.get("/v1/models", headers=FROM_FRIEND).status_code == 401
    with_key = FROM_FRIEND | {"X-Api-Key": KEY}
    assert locked.get("/v1/models", headers=with_key).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_a_browser_sends_without_asking_is_refused(
    open_to: TestClient, kind: str | None
) -> None:
    headers = FROM_FRIEND | ({} if kind is None else {"Content-Type": kind})
    reply = open_to.post(CHAT, content=b'{"messages":[]}', headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_an_allowed_page_stops_the_program_only_with_the_first_key(
    open_to: TestClient, locked: TestClient, quits: Quits
) -> None:
    path = "/llamapack/quit"
    assert open_to.post(path, json={}, headers=FROM_FRIEND).status_code == 403
    assert quits.count == 0
    with_key = FROM_FRIEND | {"X-Api-Key": KEY}
    assert locked.post(path, json={}, headers=with_key).status_code == 202
    assert quits.count == 1
