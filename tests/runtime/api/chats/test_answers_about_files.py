"""Answers about files: what of them is read, what is cited, and what an edited question keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fake_embedder import FakePooled, fake_embedder
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import Finished, TextDelta
from runtime.api.chats.person import Person, Sit
from runtime.api.served import TIMEOUT_S
from runtime.api.spoken import SpokenSession
from runtime.api.stockrooms import A, E, FakeStockroom, pooled

END = Finished("stop", 3, 1, 2, 0.5, 0.25)
NOTE = "The garden gate has the number 4711."
FILLING = "Nothing of interest is said in this paragraph, which only fills the page. " * 12
LONG = "\n\n".join([*[FILLING] * 9, NOTE, *[FILLING] * 9])


def answers(chat: str) -> str:
    return f"/llamapack/chats/{chat}/answers"


@pytest.fixture
def spoken(sit: Sit) -> tuple[Person, SpokenSession]:
    session = SpokenSession(TextDelta("say Yes", 1), END)
    return sit(session), session


def test_a_file_that_fits_is_read_whole_before_its_question(
    spoken: tuple[Person, SpokenSession],
) -> None:
    person, session = spoken
    file = person.upload(NOTE, "gate.txt")
    chat = person.new_chat()
    question, answer = person.say(chat, "Which number?", files=[file["id"]])
    assert question["files"] == [file]
    assert (answer["figures"]["files"], answer["sources"]) == ("whole", [])
    [said] = session.chats[-1].messages
    before, _, after = said.content.partition(NOTE)
    assert '"gate.txt"' in before
    assert after.endswith("Which number?")
    person.say(chat, "And now?", parent=answer["id"])
    assert session.chats[-1].messages[0].content == said.content


def test_what_was_read_of_a_file_is_not_read_again(
    sit: Sit, make_session: Callable[..., Session]
) -> None:
    person = sit(make_session("Hello!", n_ctx=4096))
    file = person.upload(FILLING, "filling.txt")
    chat = person.new_chat()
    [_, first] = person.say(chat, "Which number?", files=[file["id"]])
    assert first["figures"]["cached_tokens"] == 0
    last = person.say(chat, "Are you sure?", parent=first["id"])[-1]
    assert last["figures"]["files"] == "whole"
    assert last["figures"]["cached_tokens"] >= first["figures"]["prompt_tokens"]


def test_a_file_stays_in_its_place_when_old_messages_are_left_out(
    sit: Sit, make_session: Callable[..., Session]
) -> None:
    person = sit(make_session("Hello!", n_ctx=2560))
    file = person.upload("A short text about whales. " * 30, "whales.txt")
    chat = person.new_chat()
    messages = person.say(chat, "Which number?", files=[file["id"]])
    for turn in range(1, 8):
        messages = person.say(chat, f"{turn} {'word ' * 40}", parent=messages[-1]["id"])
    figures = messages[-1]["figures"]
    assert figures["left_out"] > 0
    assert figures["files"] == "whole"
    assert figures["cached_tokens"] > 30 * 27


def test_a_question_is_answered_from_passages_where_the_file_has_no_room(
    sit: Sit, make_session: Callable[..., Session]
) -> None:
    person = sit(make_session("Hello!", n_ctx=3000))
    file = person.upload(LONG, "notes.txt")
    chat = person.new_chat()
    tab = person.listen(chat)
    body = {"content": "Which number has the gate?", "files": [file["id"]]}
    answer = person.post(answers(chat), body)["messages"][-1]
    events = tab.wait_for("end", id=answer["id"], status="done")
    [told] = [data for name, data in events if name == "sources"]
    assert told["id"] == answer["id"]
    assert any(NOTE in one["text"] for one in told["sources"])
    for number, one in enumerate(told["sources"], 1):
        assert (one["n"], one["file"], one["name"]) == (number, file["id"], "notes.txt")
        assert one["page"] is None
    kept = person.messages(chat)[-1]
    assert kept["sources"] == told["sources"]
    assert kept["figures"]["files"] == "passages"
    assert kept["figures"]["prompt_tokens"] <= 3000 - 3000 // 4


@pytest.mark.parametrize("n_ctx", [512, 700, 1024])
def test_small_contexts_work(sit: Sit, make_session: Callable[..., Session], n_ctx: int) -> None:
    person = sit(make_session("Hello!", n_ctx=n_ctx))
    files = [person.upload(LONG, f"{n}.txt")["id"] for n in range(3)]
    chat = person.new_chat()
    messages = person.say(chat, "Which number?", files=files)
    assert (messages[-1]["status"], messages[-1]["content"]) == ("done", "Hello!")
    messages = person.say(chat, "", parent=messages[-1]["id"], files=files)
    assert (messages[-1]["status"], messages[-1]["content"]) == ("done", "Hello!")


def test_an_edited_question_keeps_its_files_unless_it_names_others(
    spoken: tuple[Person, SpokenSession],
) -> None:
    person, session = spoken
    file, other = person.upload(NOTE, "1.txt"), person.upload(NOTE, "2.txt")
    chat = person.new_chat()
    person.say(chat, "Which number?", files=[file["id"]])
    edited = person.say(chat, "Which number exactly?")[-2]
    assert [one["id"] for one in edited["files"]] == [file["id"]]
    changed = person.say(chat, "Which number there?", files=[other["id"]])[-2]
    assert [one["id"] for one in changed["files"]] == [other["id"]]
    assert '"2.txt"' in session.chats[-1].messages[0].content
    assert '"1.txt"' not in session.chats[-1].messages[0].content
    none, answer = person.say(chat, "Which number at all?", files=[])[-2:]
    assert (none["files"], answer["figures"]["files"]) == ([], None)
    tab = person.listen(chat)
    again = person.post(answers(chat), {"answers": edited["id"]})["messages"][-1]
    tab.wait_for("end", id=again["id"])
    assert again["parent"] == edited["id"]
    assert '"1.txt"' in session.chats[-1].messages[0].content


def test_a_file_may_come_without_words(spoken: tuple[Person, SpokenSession]) -> None:
    person, session = spoken
    file = person.upload(NOTE, "gate.txt")
    chat = person.new_chat()
    question, answer = person.say(chat, "", files=[file["id"]])
    assert (question["content"], answer["status"]) == ("", "done")
    assert NOTE in session.chats[-1].messages[0].content
    assert person.get(f"/llamapack/chats/{chat}")["chat"]["title"] == "gate.txt"


def test_wrong_wishes_are_told(person: Person) -> None:
    file = person.upload(NOTE)["id"]
    chat = person.new_chat()
    question, _ = person.say(chat, "One")
    bodies: list[tuple[dict[str, Any], int]] = [
        ({"content": " ", "files": []}, 400),
        ({"content": "x", "files": [file] * 21}, 400),
        ({"content": "x", "files": ["nonsense"]}, 400),
        ({"content": "x", "files": ["0" * 16]}, 404),
        ({"answers": question["id"], "files": [file]}, 400),
    ]
    for body, status in bodies:
        person.post(answers(chat), body, status)
    assert len(person.messages(chat)) == 2


def test_a_chat_takes_its_files_along(person: Person) -> None:
    file = person.upload(NOTE, "gate.txt")
    chat = person.new_chat()
    person.say(chat, "Which number?", files=[file["id"]])
    person.delete(f"/llamapack/files/{file['id']}", 409)
    exported = person.get("/llamapack/chats/export")
    [listed] = person.get("/llamapack/chats", query="gate.txt")["chats"]
    assert listed["id"] == chat
    person.delete(f"/llamapack/chats/{chat}")
    person.get(f"/llamapack/files/{file['id']}", 404)
    person.post("/llamapack/chats/import", exported, 201)
    [copy] = person.get("/llamapack/chats")["chats"]
    [question, _] = person.messages(copy["id"])
    [name] = [one["id"] for one in question["files"]]
    assert person.get(f"/llamapack/files/{name}")["text"] == NOTE


def test_an_answer_goes_on_with_the_passages_that_it_has(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Half", 1))
    person = sit(session)
    file = person.upload(LONG, "notes.txt")
    chat = person.new_chat()
    tab = person.listen(chat)
    body = {"content": "Which number has the gate?", "files": [file["id"]]}
    answer = person.post(answers(chat), body)["messages"][-1]
    [*_, (_, told)] = tab.wait_for("sources", id=answer["id"])
    tab.wait_for("text")
    late = person.listen(chat)
    [(_, message)] = late.wait_for("message")
    assert message["sources"] == told["sources"]
    person.post(f"/llamapack/answers/{answer['id']}/stop", {})
    tab.wait_for("end", status="stopped")
    person.post(answers(chat), {"continues": answer["id"]})
    events = tab.wait_for("text", at=4)
    assert "sources" not in [name for name, _ in events]
    first, second = session.chats[1], session.chats[3]  # of each answer the second has passages
    assert first.messages[0] == second.messages[0]
    assert NOTE in first.messages[0].content
    assert first.messages[0].content.endswith("\n\nWhich number has the gate?")
    assert person.messages(chat)[-1]["sources"] == told["sources"]


def test_vectors_are_made_behind_an_upload_by_a_packed_embedder(
    sit: Sit, service: Service, make_session: Callable[..., Session]
) -> None:
    person = sit(make_session())
    pooled_context = FakePooled("mean", n_embd=4, n_batch=4096)
    room = FakeStockroom([A, E])
    room.embedder = lambda: fake_embedder(max_tokens=2000, pooled=pooled_context)
    room.options = {"n_ctx": 1024}
    with pooled(room) as service.pool:
        file = person.upload(LONG, "notes.txt")
        assert pooled_context.computing.wait(TIMEOUT_S)
        chat = person.new_chat()
        answer = person.say(chat, "Which number has the gate?", files=[file["id"]])[-1]
        assert any(NOTE in one["text"] for one in answer["sources"])
        assert set(room.loaded) == {"A", "E"}


def test_everything_can_be_deleted(person: Person) -> None:
    file = person.upload(NOTE)
    person.patch("/llamapack/settings", {"preset": "creative"})
    tab = person.listen()
    person.delete("/llamapack/chats", 204, {"confirm": True})
    person.get(f"/llamapack/files/{file['id']}", 404)
    assert person.get("/llamapack/settings")["preset"] == "balanced"
    tab.wait_for("settings", preset="balanced")
