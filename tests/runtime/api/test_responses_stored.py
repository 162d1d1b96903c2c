"""Stored responses: going on from one, reading and deleting it, and where nothing can be stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.types import Message, ToolCall
from llamapack_runtime.engine.types import Failed
from llamapack_runtime.keys import ApiKey
from runtime.api.clients import client_of, make_client
from runtime.api.spoken import SpokenSession, spoken

PATH = "/v1/responses"
UNKNOWN = f"resp_{'0' * 48}"


@pytest.fixture
def session() -> SpokenSession:
    return SpokenSession(*spoken("think so", "say Hello"))


@pytest.fixture
def client(
    ready: Service, web_root: Path, tmp_path: Path, session: SpokenSession
) -> Iterator[TestClient]:
    ready.data_folder = tmp_path / "data"
    yield client_of(ready, web_root, session)
    assert ready.responses is not None
    ready.responses.close()


def ask(client: TestClient, **body: object) -> Any:
    reply = client.post(PATH, json={"input": "Hi"} | body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refusal(reply: Any) -> tuple[int, str | None, str | None]:
    error = reply.json()["error"]
    assert error["message"].endswith(".")
    return reply.status_code, error["param"], error["code"]


def test_a_conversation_goes_on(client: TestClient, session: SpokenSession) -> None:
    first = ask(client, instructions="Be kind.")
    second = ask(client, input="And?", previous_response_id=first["id"])
    third = ask(client, input="Really?", previous_response_id=second["id"])
    assert third["previous_response_id"] == second["id"]
    hello = Message("assistant", "Hello", reasoning="so")
    # Instructions are for one response; reasoning goes on with its answer.
    assert session.chats[2].messages == (
        Message("user", "Hi"),
        hello,
        Message("user", "And?"),
        hello,
        Message("user", "Really?"),
    )


def test_a_conversation_goes_on_though_an_earlier_response_was_deleted(
    client: TestClient, session: SpokenSession
) -> None:
    first = ask(client)
    second = ask(client, previous_response_id=first["id"])
    client.delete(f"{PATH}/{first['id']}")
    ask(client, previous_response_id=second["id"])
    assert len(session.chats[2].messages) == 5


def test_tool_calls_go_on_with_their_results(
    ready: Service, web_root: Path, tmp_path: Path
) -> None:
    ready.data_folder = tmp_path
    session = SpokenSession(*spoken("say So:", "call 0 call_a add", "with 0 {}"))
    client = client_of(ready, web_root, session)
    first = ask(client, tools=[{"type": "function", "name": "add"}])
    result = {"type": "function_call_output", "call_id": "call_a", "output": "2"}
    ask(client, input=[result], previous_response_id=first["id"])
    assert session.chats[1].messages[1:] == (
        Message("assistant", "So:", tool_calls=(ToolCall("call_a", "add", "{}"),)),
        Message("tool", "2", tool_call_id="call_a"),
    )
    assert ready.responses is not None
    ready.responses.close()


def test_items_of_stored_responses_can_be_named(client: TestClient, session: SpokenSession) -> None:
    first = ask(client)
    named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    ask(client, input=[{"role": "user", "content": "Hi"}, *named])
    assert session.chats[1].messages[1:] == (Message("assistant", "Hello", reasoning="so"),)
    client.delete(f"{PATH}/{first['id']}")
    reply = client.post(PATH, json={"input": named})
    assert refusal(reply) == (404, "input[0].id", "item_not_found")
    reply = client.post(PATH, json={"input": [{"type": "item_reference"}]})
    assert refusal(reply)[:2] == (400, "input[0].type")


def test_an_item_can_be_named_only_so_often(client: TestClient, session: SpokenSession) -> None:
    item_id = ask(client)["output"][-1]["id"]
    named = [{"type": "item_reference", "id": item_id}] * 1001
    ask(client, input=named[1:])
    assert len(session.chats[1].messages) == 1000
    assert refusal(client.post(PATH, json={"input": named}))[:2] == (400, "input[1000].id")


def test_what_named_items_hold_is_bounded(
    ready: Service, web_root: Path, client: TestClient
) -> None:
    session = SpokenSession(*spoken("say " + "x" * 100_000))
    item_id = ask(client_of(ready, web_root, session))["output"][-1]["id"]
    named = [{"type": "item_reference", "id": item_id}] * 200
    reply = client.post(PATH, json={"input": named})
    assert refusal(reply)[0] == 400
    assert "more than 16 MiB" in reply.json()["error"]["message"]


def test_one_can_go_on_as_soon_as_a_stream_tells_its_end(client: TestClient) -> None:
    with client.stream("POST", PATH, json={"input": "Hi", "stream": True}) as reply:
        for line in reply.iter_lines():
            if line.startswith("data:") and "response.completed" in line:
                response = json.loads(line.removeprefix("data:"))["response"]
                assert client.get(f"{PATH}/{response['id']}").json() == response


def test_a_stored_response_is_read_and_deleted(client: TestClient) -> None:
    body = ask(client)
    place = f"{PATH}/{body['id']}"
    assert client.get(place).json() == body
    assert client.delete(place).json() == {
        "id": body["id"],
        "object": "response",
        "deleted": True,
    }
    assert refusal(client.get(place)) == (404, "response_id", "response_not_found")
    assert refusal(client.delete(place)) == (404, "response_id", "response_not_found")
    assert client.get(f"{place}/input_items").status_code == 404


@pytest.mark.parametrize("name", [UNKNOWN, "resp_1", "x" * 5000, "%F0%9F%98%80", "resp_%00"])
def test_an_unknown_response_is_a_plain_refusal(client: TestClient, name: str) -> None:
    assert refusal(client.get(f"{PATH}/{name}"))[2] == "response_not_found"
    assert refusal(client.delete(f"{PATH}/{name}"))[2] == "response_not_found"
    reply = client.post(PATH, json={"input": "Hi", "previous_response_id": name})
    assert refusal(reply) == (404, "previous_response_id", "response_not_found")


def assert_hidden(client: TestClient, response: Any) -> None:
    """Everything that names it fails as for one that never was."""
    path, item_id = f"{PATH}/{response['id']}", response["output"][0]["id"]
    unknown = client.get(f"{PATH}/{UNKNOWN}")
    assert refusal(client.get(path)) == refusal(unknown)
    assert refusal(client.get(f"{path}/input_items")) == refusal(unknown)
    assert refusal(client.delete(path)) == refusal(unknown)
    going_on = client.post(PATH, json={"input": "x", "previous_response_id": response["id"]})
    assert refusal(going_on)[0] == 404
    named = [{"type": "item_reference", "id": item_id}]
    assert refusal(client.post(PATH, json={"input": named}))[0] == 404


def test_another_key_does_not_find_it(client: TestClient, ready: Service, web_root: Path) -> None:
    keys = (ApiKey("key 1", "alice-alice"), ApiKey("key 2", "bob-bob-bob"))
    alice, bob, alice_later = (
        make_client(ready, web_root, Access(keys=order)) for order in (keys, keys, keys[::-1])
    )
    alice.headers["X-Api-Key"] = alice_later.headers["X-Api-Key"] = keys[0].secret
    bob.headers["X-Api-Key"] = keys[1].secret
    response = ask(alice)
    assert_hidden(bob, response)
    assert_hidden(client, response)  # a start without keys
    assert_hidden(alice, ask(client))
    assert alice.get(f"{PATH}/{response['id']}").json() == response
    assert alice_later.get(f"{PATH}/{response['id']}").json() == response


def test_another_pack_does_not_find_it(client: TestClient, ready: Service, web_root: Path) -> None:
    response = ask(client)
    about = replace(ready.about, pack_id="cd" * 32)
    other = Service(about, ready.defaults, ready.quit, "", ready.data_folder)
    session = SpokenSession(*spoken("say Hello"))
    assert_hidden(client_of(other, web_root, session), response)
    assert client.get(f"{PATH}/{response['id']}").json() == response
    assert other.responses is not None
    other.responses.close()


def test_what_is_not_to_be_stored_is_not(client: TestClient) -> None:
    body = ask(client, store=False)
    assert body["store"] is False
    assert client.get(f"{PATH}/{body['id']}").status_code == 404


def test_a_failed_response_is_not_stored(ready: Service, web_root: Path, tmp_path: Path) -> None:
    ready.data_folder = tmp_path
    client = client_of(ready, web_root, SpokenSession(Failed("It broke.", 500, "broken")))
    assert client.post(PATH, json={"input": "Hi"}).status_code == 500
    assert list(tmp_path.glob("responses*")) == []


def test_a_stored_response_cannot_be_streamed(client: TestClient) -> None:
    body = ask(client)
    assert refusal(client.get(f"{PATH}/{body['id']}?stream=true"))[:2] == (400, "stream")


def test_its_input_items_are_listed_in_pages(client: TestClient) -> None:
    items = [{"role": "user", "content": f"{i}"} for i in range(25)]
    place = f"{PATH}/{ask(client, input=items)['id']}/input_items"
    first = client.get(place).json()
    assert (first["object"], len(first["data"]), first["has_more"]) == ("list", 20, True)
    assert first["data"][0]["content"] == [{"type": "input_text", "text": "24"}]
    assert first["data"][0]["id"] == first["first_id"]
    rest = client.get(place, params={"after": first["last_id"]}).json()
    assert ([one["content"][0]["text"] for one in rest["data"]], rest["has_more"]) == (
        ["4", "3", "2", "1", "0"],
        False,
    )
    page = client.get(place, params={"order": "asc", "limit": 2}).json()
    assert [one["content"][0]["text"] for one in page["data"]] == ["0", "1"]
    assert client.get(place, params={"after": "msg_x"}).json()["data"] == []
    for limit in ("0", "101", "x", "-1", "٣"):
        assert refusal(client.get(place, params={"limit": limit}))[:2] == (400, "limit")


@pytest.mark.parametrize("kind", ["none", "blocked"])
def test_where_nothing_can_be_stored_an_answer_still_comes(
    ready: Service, web_root: Path, tmp_path: Path, session: SpokenSession, kind: str
) -> None:
    if kind == "blocked":
        (tmp_path / "file").write_text("not a folder")
        ready.data_folder = tmp_path / "file"
    client = client_of(ready, web_root, session)
    body = ask(client)
    assert body["status"] == "completed"
    reply = client.post(PATH, json={"input": "Hi", "previous_response_id": body["id"]})
    assert refusal(reply) == (404, "previous_response_id", "response_not_found")
    assert "could not be stored" in reply.json()["error"]["message"]
