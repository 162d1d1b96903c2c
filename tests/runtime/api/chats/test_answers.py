"""Answers that the program writes, whoever looks on."""

from __future__ import annotations

from collections.abc import Callable

from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import Finished, PromptProgress, Queued, TextDelta
from runtime.api.chats.person import Person, Sit
from runtime.api.served import TIMEOUT_S
from runtime.api.spoken import SpokenSession

END = Finished("stop", 3, 1, 2, 0.5, 0.25)


def test_an_answer_comes_word_by_word_and_stays(person: Person) -> None:
    chat = person.new_chat()
    tab = person.listen(chat)
    body = {"content": "Hi", "parent": None}
    reply = person.post(f"/llamapack/chats/{chat}/answers", body)
    question, answer = reply["messages"]
    assert (question["role"], question["content"], question["status"]) == ("user", "Hi", "done")
    assert (answer["parent"], answer["status"]) == (question["id"], "answering")
    events = tab.wait_for("end", id=answer["id"])
    text = ""
    for name, data in events:
        if name == "text":
            assert data["at"] == len(text)
            text += data["content"]
    assert text == "Hello!"
    assert events[-1][1]["status"] == "done"
    kept = person.messages(chat)[-1]
    assert (kept["content"], kept["status"]) == ("Hello!", "done")
    assert kept["figures"]["completion_tokens"] > 0
    tab.wait_for("chats")


def test_another_tab_sees_the_answer_from_its_beginning_and_goes_on(sit: Sit) -> None:
    session = SpokenSession(Queued(2), PromptProgress(5, 9), TextDelta("think hm", 1))
    person = sit(session)
    chat = person.new_chat()
    first = person.listen(chat)
    body = {"content": "Hi", "parent": None}
    answer = person.post(f"/llamapack/chats/{chat}/answers", body)["messages"][-1]
    seen = first.wait_for("text", reasoning="hm")
    assert ("queued", {"id": answer["id"], "before": 2}) in seen
    assert ("progress", {"id": answer["id"], "read": 5, "total": 9}) in seen
    [(_, emit)] = session.submitted
    emit(TextDelta("say 🐋 a", 2))
    first.wait_for("text", content="🐋 a")
    late = person.listen(chat)
    [(_, message)] = late.wait_for("message")
    assert (message["reasoning"], message["content"]) == ("hm", "🐋 a")
    assert message["status"] == "answering"
    assert person.messages(chat)[-1]["content"] == "🐋 a"
    emit(TextDelta("say  whale", 3))
    for tab in (first, late):
        [*_, (_, piece)] = tab.wait_for("text", content=" whale")
        assert piece["at"] == 4  # the emoji counts two, as in JavaScript
    emit(END)
    for tab in (first, late):
        tab.wait_for("end", status="done")


def test_an_answer_that_nobody_listens_to_is_written_all_the_same(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Hello", 1))
    person = sit(session)
    chat = person.new_chat()
    tab = person.listen(chat)
    person.post(f"/llamapack/chats/{chat}/answers", {"content": "Hi", "parent": None})
    tab.wait_for("text")
    tab.close()
    everywhere = person.listen()
    [(_, emit)] = session.submitted
    emit(END)
    everywhere.wait_for("chats")
    assert person.messages(chat)[-1]["status"] == "done"


def test_stop_keeps_what_there_is(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Half", 1))
    person = sit(session)
    chat = person.new_chat()
    tab = person.listen(chat)
    body = {"content": "Hi", "parent": None}
    answer = person.post(f"/llamapack/chats/{chat}/answers", body)["messages"][-1]
    tab.wait_for("text")
    person.post(f"/llamapack/answers/{answer['id']}/stop", {})
    tab.wait_for("end", status="stopped")
    assert session.aborted
    kept = person.messages(chat)[-1]
    assert (kept["content"], kept["status"]) == ("Half", "stopped")
    person.post(f"/llamapack/answers/{answer['id']}/stop", {}, 404)


def test_a_stopped_answer_goes_on_where_it_ended(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Half", 1))
    person = sit(session)
    chat = person.new_chat()
    tab = person.listen(chat)
    answers = f"/llamapack/chats/{chat}/answers"
    answer = person.post(answers, {"content": "Hi", "parent": None})["messages"][-1]
    tab.wait_for("text")
    person.post(f"/llamapack/answers/{answer['id']}/stop", {})
    tab.wait_for("end")
    [again] = person.post(answers, {"continues": answer["id"]})["messages"]
    assert (again["id"], again["content"], again["status"]) == (answer["id"], "Half", "answering")
    seen = tab.wait_for("text", at=4)
    assert [(data["id"], data["status"]) for name, data in seen if name == "message"] == [
        (answer["id"], "answering")
    ]
    assert session.chats[-1].continues_last
    assert session.chats[-1].messages[-1].content == "Half"
    session.submitted[-1][1](END)
    tab.wait_for("end", status="done")
    assert person.messages(chat)[-1]["content"] == "HalfHalf"


def test_the_thinking_can_be_cut_short(sit: Sit) -> None:
    session = SpokenSession(
        by_turn=lambda turn: (
            [TextDelta("think so", 1)] if turn == 0 else [TextDelta("say 4", 1), END]
        )
    )
    person = sit(session)
    chat = person.new_chat()
    tab = person.listen(chat)
    body = {"content": "2+2", "parent": None}
    answer = person.post(f"/llamapack/chats/{chat}/answers", body)["messages"][-1]
    tab.wait_for("text", reasoning="so")
    person.post(f"/llamapack/answers/{answer['id']}/answer-now", {})
    tab.wait_for("end", status="done")
    kept = person.messages(chat)[-1]
    assert (kept["reasoning"], kept["content"]) == ("so", "4")
    hurried = session.chats[-1]
    assert hurried.continues_last
    assert hurried.thinking.enabled is False
    assert hurried.messages[-1].reasoning == "so"


def test_other_tries_are_branches(person: Person) -> None:
    chat = person.new_chat()
    question, answer = person.say(chat, "First")
    tab = person.listen(chat)
    answers = f"/llamapack/chats/{chat}/answers"
    again = person.post(answers, {"answers": question["id"]})["messages"][-1]
    tab.wait_for("end", id=again["id"])
    assert again["parent"] == question["id"]
    messages = person.say(chat, "First, but edited", parent=None)
    edited, its_answer = messages[-2:]
    assert edited["parent"] is None
    assert len(messages) == 5
    shown = person.get(f"/llamapack/chats/{chat}")["chat"]["head"]
    assert shown == its_answer["id"]
    person.patch(f"/llamapack/chats/{chat}", {"head": answer["id"]})
    assert person.get(f"/llamapack/chats/{chat}")["chat"]["head"] == answer["id"]


def test_the_branch_and_nothing_else_is_read(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Yes", 1), END)
    person = sit(session)
    chat = person.new_chat()
    _, answer = person.say(chat, "One")
    person.say(chat, "Two", parent=answer["id"])
    person.say(chat, "Other", parent=answer["id"])
    said = [(one.role, one.content) for one in session.chats[-1].messages]
    assert said == [("user", "One"), ("assistant", "Yes"), ("user", "Other")]


def test_a_chat_has_one_answer_at_a_time(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Half", 1))
    person = sit(session)
    chat = person.new_chat()
    answers = f"/llamapack/chats/{chat}/answers"
    person.post(answers, {"content": "Hi", "parent": None})
    error = person.post(answers, {"content": "Hi", "parent": None}, 409)["error"]
    assert "already" in error["message"]
    other = person.new_chat()
    person.post(f"/llamapack/chats/{other}/answers", {"content": "Hi", "parent": None})
    tab = person.listen()
    person.delete(f"/llamapack/chats/{chat}")
    tab.wait_for("gone", id=chat)
    assert len(session.aborted) == 1


def test_wrong_questions_are_told(person: Person) -> None:
    chat = person.new_chat()
    question, answer = person.say(chat, "One")
    answers = f"/llamapack/chats/{chat}/answers"
    for body, status in (
        ({}, 400),
        ({"content": "x", "answers": question["id"]}, 400),
        ({"content": " "}, 400),
        ({"content": "x", "parent": question["id"]}, 400),
        ({"answers": answer["id"]}, 400),
        ({"continues": question["id"]}, 400),
        ({"continues": "0" * 16}, 404),
        ({"content": "x", "parent": "0" * 16}, 404),
        ({"content": "x", "model": "y"}, 400),
    ):
        person.post(answers, body, status)
    person.post("/llamapack/chats/0000000000000000/answers", {"content": "x"}, 404)
    assert len(person.messages(chat)) == 2


def test_the_end_of_the_program_ends_the_streams_and_interrupts_the_answer(
    sit: Sit, make_session: Callable[..., Session]
) -> None:
    person = sit(SpokenSession(TextDelta("say Half", 1)))
    chat = person.new_chat()
    tab = person.listen(chat)
    person.post(f"/llamapack/chats/{chat}/answers", {"content": "Hi", "parent": None})
    tab.wait_for("text")
    person.server.stopping.set()
    assert ("end", "interrupted") in [(name, data.get("status")) for name, data in tab.events()]
    assert person.server.stopped.wait(TIMEOUT_S)
    kept = sit(make_session("Hello!")).messages(chat)[-1]
    assert (kept["content"], kept["status"]) == ("Half", "interrupted")
