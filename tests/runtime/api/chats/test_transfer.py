"""Chats that leave the program and come back, and whose they are."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.service import Service
from llamapack_runtime.keys import ApiKey
from runtime.api.chats.person import Person
from runtime.api.clients import make_client


def test_what_was_exported_can_be_imported(person: Person) -> None:
    chat = person.new_chat()
    _, answer = person.say(chat, "One 🐋")
    person.say(chat, "Two", parent=answer["id"])
    person.patch(f"/llamapack/chats/{chat}", {"title": "Whales", "is_pinned": True})
    reply = person.client.get("/llamapack/chats/export")
    assert "attachment" in reply.headers["content-disposition"]
    assert person.post("/llamapack/chats/import", reply.json(), 201) == {"chats": 1, "messages": 4}
    first, second = person.get("/llamapack/chats")["chats"]
    assert first["id"] != second["id"]
    assert {first["title"], second["title"]} == {"Whales"}
    texts = [[one["content"] for one in person.messages(chat["id"])] for chat in (first, second)]
    assert texts[0] == texts[1] == ["One 🐋", "Hello!", "Two", "Hello!"]


def test_markdown_is_for_people(person: Person) -> None:
    chat, other = person.new_chat(), person.new_chat()
    person.say(chat, "What is a whale?")
    person.say(other, "Unseen")
    reply = person.client.get(
        "/llamapack/chats/export", params={"format": "markdown", "chat": chat}
    )
    assert "What is a whale?" in reply.text
    assert "Hello!" in reply.text
    assert "Unseen" not in reply.text


def test_wrong_transfers_are_told(person: Person) -> None:
    person.get("/llamapack/chats/export", 400, format="pdf")
    person.get("/llamapack/chats/export", 404, chat="0" * 16)
    person.post("/llamapack/chats/import", {}, 400)
    person.post("/llamapack/chats/import", {"chats": [1]}, 400)
    assert person.get("/llamapack/chats")["chats"] == []


def test_each_key_has_chats_of_its_own(ready: Service, web_root: Path, tmp_path: Path) -> None:
    ready.data_folder = tmp_path / "data"
    keys = (ApiKey("first", "a-long-secret-1"), ApiKey("second", "a-long-secret-2"))

    def client(secret: str) -> TestClient:
        client = make_client(ready, web_root, Access(keys=keys))
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    first, second = client("a-long-secret-1"), client("a-long-secret-2")
    chat = first.post("/llamapack/chats", json={}).json()["id"]
    assert [one["id"] for one in first.get("/llamapack/chats").json()["chats"]] == [chat]
    assert second.get("/llamapack/chats").json()["chats"] == []
    assert second.get(f"/llamapack/chats/{chat}").status_code == 404
    without = make_client(ready, web_root)
    assert [one["id"] for one in without.get("/llamapack/chats").json()["chats"]] == [chat]


def test_without_a_folder_nothing_is_kept(client: TestClient) -> None:
    error = client.get("/llamapack/chats")
    assert error.status_code == 501
    assert "not kept" in error.json()["error"]["message"]
