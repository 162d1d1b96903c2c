"""Chats in a program with several models: each keeps the one that was chosen for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.session import Session
from runtime.api.chats.person import Person, Sit
from runtime.api.served import TIMEOUT_S
from runtime.api.stockrooms import A, B, E, FakeStockroom, pooled


@pytest.fixture
def room() -> FakeStockroom:
    return FakeStockroom([A, B, E])


@pytest.fixture
def person(
    sit: Sit, make_session: Callable[..., Session], service: Service, room: FakeStockroom
) -> Iterator[Person]:
    person = sit(make_session("the program's own"))
    with pooled(room) as service.pool:
        yield person


def test_the_chosen_model_answers_and_stays_with_the_chat(person: Person) -> None:
    first, second = person.new_chat(), person.new_chat()
    assert person.patch(f"/llamapack/chats/{second}", {"model": "B"})["model"] == "B"
    for chat, name in ((first, "A"), (second, "B"), (first, "A")):
        answer = person.say(chat, "Who are you?")[-1]
        assert (answer["content"], answer["figures"]["model"]) == (name, name)
    assert person.get(f"/llamapack/chats/{second}")["chat"]["model"] == "B"


def test_new_chats_take_the_last_choice(person: Person) -> None:
    person.patch(f"/llamapack/chats/{person.new_chat()}", {"model": "B"})
    assert person.get("/llamapack/settings")["model"] == "B"
    chat = person.new_chat()
    assert person.say(chat, "Who are you?")[-1]["content"] == "B"
    person.patch("/llamapack/settings", {"model": "A"})
    assert person.say(person.new_chat(), "Who are you?")[-1]["content"] == "A"
    named = person.post("/llamapack/chats", {"model": "B"}, 201)
    assert person.say(named["id"], "Who are you?")[-1]["content"] == "B"


def test_a_page_hears_that_the_model_is_loaded(person: Person, room: FakeStockroom) -> None:
    chat = person.post("/llamapack/chats", {"model": "B"}, 201)["id"]
    tab = person.listen(chat)
    room.gate.clear()
    body = {"content": "Who are you?"}
    answer = person.post(f"/llamapack/chats/{chat}/answers", body)["messages"][-1]
    [*_, (_, told)] = tab.wait_for("loading")
    assert told == {"id": answer["id"], "model": "B"}
    late = person.listen(chat)
    assert late.wait_for("loading")[-1][1] == told
    room.gate.set()
    tab.wait_for("end", status="done")


def test_a_model_that_cannot_be_loaded_is_why_there_is_no_answer(
    person: Person, room: FakeStockroom
) -> None:
    room.failures.append("Model needs 9.1 GiB but 6.0 GiB is free.")
    chat = person.post("/llamapack/chats", {"model": "B"}, 201)["id"]
    answer = person.say(chat, "Who are you?")[-1]
    assert (answer["status"], "9.1 GiB" in answer["error"]) == ("failed", True)


def test_an_answer_can_be_stopped_while_its_model_loads(
    person: Person, room: FakeStockroom, service: Service
) -> None:
    chat = person.post("/llamapack/chats", {"model": "B"}, 201)["id"]
    tab = person.listen(chat)
    room.gate.clear()
    body = {"content": "Who are you?"}
    answer = person.post(f"/llamapack/chats/{chat}/answers", body)["messages"][-1]
    tab.wait_for("loading")
    person.post(f"/llamapack/answers/{answer['id']}/stop", {})
    tab.wait_for("end", status="stopped")
    room.gate.set()
    pool = service.pool
    assert pool is not None
    with pool._changed:
        assert pool._changed.wait_for(lambda: not pool.is_lent, TIMEOUT_S)


def test_a_choice_that_is_none_is_refused(person: Person) -> None:
    chat = person.new_chat()
    person.patch(f"/llamapack/chats/{chat}", {"model": "X"}, 404)
    person.patch(f"/llamapack/chats/{chat}", {"model": "E"}, 400)
    person.patch("/llamapack/settings", {"model": "E"}, 400)
    person.post("/llamapack/chats", {"model": "X"}, 404)


def test_a_choice_that_is_no_longer_packed_falls_back_to_the_first(
    person: Person, service: Service
) -> None:
    chat = person.post("/llamapack/chats", {"model": "B"}, 201)["id"]
    assert service.pool is not None
    service.pool.close()
    with pooled(FakeStockroom([A, E])) as service.pool:
        assert person.say(chat, "Who are you?")[-1]["content"] == "A"
