"""The list of chats: begin, rename, pin, delete, find."""

from __future__ import annotations

import pytest

from runtime.api.chats.person import Person


def test_a_chat_is_listed_with_a_title_of_its_first_message(person: Person) -> None:
    chat = person.new_chat()
    person.say(chat, "What is a whale?\nTell me all.")
    [listed] = person.get("/llamapack/chats")["chats"]
    assert listed["id"] == chat
    assert listed["title"] == "What is a whale?"
    assert not listed["is_titled"]
    assert not listed["is_answering"]


def test_pinned_chats_come_first_and_pages_follow(person: Person) -> None:
    first, second, third = (person.new_chat() for _ in range(3))
    person.patch(f"/llamapack/chats/{first}", {"is_pinned": True, "title": "Whales"})
    page = person.get("/llamapack/chats", limit=2)
    rest = person.get("/llamapack/chats", limit=2, cursor=page["next"])
    assert [one["id"] for one in page["chats"] + rest["chats"]] == [first, third, second]
    assert page["chats"][0]["title"] == "Whales"
    assert rest["next"] is None


def test_what_was_said_is_found_with_its_place_in_utf16_units(person: Person) -> None:
    chat, other = person.new_chat(), person.new_chat()
    person.say(chat, "🐋🐋 are Whales 鲸鱼")
    person.say(other, "Nothing of that kind")
    for words, marked in (("whale", "Whales"), ("鲸鱼", "鲸鱼")):
        [found] = person.get("/llamapack/chats", query=words)["chats"]
        assert found["id"] == chat
        units = found["excerpt"]["text"].encode("utf-16-le")
        [start, end] = found["excerpt"]["marks"][0]
        assert units[2 * start : 2 * end].decode("utf-16-le") in marked


def test_deleted_chats_are_gone_and_all_tabs_hear_of_it(person: Person) -> None:
    chat, other = person.new_chat(), person.new_chat()
    tab = person.listen()
    person.delete(f"/llamapack/chats/{chat}")
    tab.wait_for("gone", id=chat)
    person.get(f"/llamapack/chats/{chat}", 404)
    person.delete(f"/llamapack/chats/{chat}", 404)
    person.delete("/llamapack/chats", 400, {"confirm": False})
    person.get(f"/llamapack/chats/{other}")
    person.delete("/llamapack/chats", 204, {"confirm": True})
    tab.wait_for("gone", id=None)
    assert person.get("/llamapack/chats")["chats"] == []


def test_two_tabs_hear_of_a_new_title(person: Person) -> None:
    chat = person.new_chat()
    tabs = [person.listen(), person.listen(chat)]
    person.patch(f"/llamapack/chats/{chat}", {"title": "Named"})
    for tab in tabs:
        [*_, (_, told)] = tab.wait_for("chats")
        assert told["chat"]["title"] == "Named"
        assert told["chat"]["is_titled"]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "000000001999999"}, "limit"),
        ({"limit": "1" * 5000}, "limit"),
        ({"query": "x" * 201}, "query"),
        ({"cursor": "nonsense"}, "cursor"),
    ],
)
def test_a_wrong_question_is_told(person: Person, query: dict[str, str], word: str) -> None:
    error = person.get("/llamapack/chats", 400, **query)["error"]
    assert word in error["message"]


@pytest.mark.parametrize(
    "body", [{"title": ""}, {"title": "x" * 201}, {"is_pinned": 1}, {"head": "x"}, {"colour": 1}]
)
def test_a_wrong_change_is_told(person: Person, body: dict[str, object]) -> None:
    chat = person.new_chat()
    person.patch(f"/llamapack/chats/{chat}", body, 400)
    person.patch(f"/llamapack/chats/{chat}", {"head": "0" * 16}, 404)
    person.patch("/llamapack/chats/0000000000000000", {"title": "x"}, 404)


def test_searches_of_any_text_are_safe(person: Person) -> None:
    person.say(person.new_chat(), "Hello")
    for words in ('"', "*", "a AND", "NEAR(", "\0", "-x", "col:x", "'; DROP TABLE chats;--"):
        person.get("/llamapack/chats", query=words)
