"""How answers are wanted, and what a small context does to long chats."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from llamapack_runtime.api.chats.taste import SMALL_MODEL, Taste
from llamapack_runtime.api.service import AnswerDefaults, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Finished, TextDelta
from runtime.api.chats.person import Person, Sit
from runtime.api.spoken import SpokenSession

END = Finished("stop", 3, 1, 2, 0.5, 0.25)
PATH = "/llamapack/settings"


def test_settings_are_kept_value_by_value(person: Person) -> None:
    assert person.get(PATH)["preset"] == "balanced"
    tab = person.listen()
    person.patch(PATH, {"preset": "creative", "sampling": {"top_k": 7}})
    tab.wait_for("settings", preset="creative")
    person.patch(PATH, {"instructions": "Be brief.", "sampling": {"temperature": 0.5}})
    now = person.get(PATH)
    assert now["preset"] == "creative"
    assert now["instructions"] == "Be brief."
    assert now["sampling"] == {"temperature": 0.5, "top_k": 7}
    person.patch(PATH, {"sampling": {"top_k": None}})
    assert person.get(PATH)["sampling"] == {"temperature": 0.5}


def test_changes_at_the_same_moment_are_all_kept(person: Person) -> None:
    changes: list[dict[str, object]] = [
        {"temperature": 0.5},
        {"top_k": 7},
        {"top_p": 0.5},
        {"min_p": 0.25},
        {"repeat_penalty": 1.5},
        {"max_tokens": 9},
    ]
    tab, url = person.listen(), person.server.url.rstrip("/") + PATH
    with ThreadPoolExecutor(len(changes)) as pages:
        patched = pages.map(lambda one: httpx.patch(url, json={"sampling": one}), changes)
        assert [reply.status_code for reply in patched] == [200] * len(changes)
    whole = {name: value for one in changes for name, value in one.items()}
    assert person.get(PATH)["sampling"] == whole
    tab.wait_for("settings", sampling=whole)


@pytest.mark.parametrize(
    "body",
    [
        {"preset": "wild"},
        {"instructions": "x" * 8001},
        {"sampling": {"temperature": 3}},
        {"sampling": {"colour": 1}},
        {"thinking": "yes"},
        {"other": 1},
    ],
    ids=str,
)
def test_wrong_settings_are_told_and_change_nothing(person: Person, body: object) -> None:
    person.patch(PATH, body, 400)
    assert person.get(PATH)["preset"] == "balanced"


def test_what_the_packer_locked_takes_no_instructions(sit: Sit, service: Service) -> None:
    """Neither new ones nor those from before."""
    session = SpokenSession(TextDelta("Yes", 1), END)
    person = sit(session)
    person.patch(PATH, {"instructions": "Be rude.", "preset": "precise"})
    service.is_system_prompt_locked = True
    refusal = person.patch(PATH, {"instructions": "Be ruder."}, 403)
    assert refusal["error"]["code"] == "locked"
    assert person.patch(PATH, {"thinking": False})["instructions"] == ""
    person.say(person.new_chat(), "Hi")
    assert session.chats[-1].messages[0].role == "user"


def test_answers_are_as_they_are_wanted(sit: Sit) -> None:
    session = SpokenSession(TextDelta("say Yes", 1), END)
    person = sit(session)
    person.patch(PATH, {"preset": "precise", "instructions": "Be brief."})
    person.patch(PATH, {"sampling": {"max_tokens": 9, "top_k": 3}})
    person.say(person.new_chat(), "Hi")
    [(request, _)] = session.submitted
    assert (request.sampling.temperature, request.sampling.top_k, request.max_tokens) == (0.2, 3, 9)
    first = session.chats[-1].messages[0]
    assert (first.role, first.content) == ("system", "Be brief.")


def test_the_oldest_messages_of_a_long_chat_are_left_out(
    sit: Sit, make_session: Callable[..., Session]
) -> None:
    person = sit(make_session("Hello!", n_ctx=512))
    chat = person.new_chat()
    messages = person.say(chat, f"0 {'word ' * 12}")
    for turn in range(1, 8):
        messages = person.say(chat, f"{turn} {'word ' * 12}", parent=messages[-1]["id"])
    last = messages[-1]
    assert (last["status"], last["content"]) == ("done", "Hello!")
    assert last["figures"]["left_out"] > 0
    assert last["figures"]["prompt_tokens"] <= 512 - 512 // 4


def test_one_message_that_is_longer_than_the_context_fails_in_a_word(
    sit: Sit, make_session: Callable[..., Session]
) -> None:
    person = sit(make_session("Hello!", n_ctx=512))
    last = person.say(person.new_chat(), "word " * 200)[-1]
    assert (last["status"], last["error"]) == ("failed", "context_length_exceeded")


def test_a_model_that_cannot_think_answers_all_the_same(person: Person) -> None:
    person.patch(PATH, {"thinking": True})
    last = person.say(person.new_chat(), "Hi")[-1]
    assert (last["status"], last["content"]) == ("done", "Hello!")


def test_a_small_model_is_calm_unless_the_packer_chose_a_temperature() -> None:
    usual, chosen = (AnswerDefaults(SamplingParams(temperature=one)) for one in (0.8, 0.6))
    balanced, creative = Taste(), Taste(preset="creative")
    assert balanced.wish(usual, SMALL_MODEL).sampling.temperature == 0.8
    assert balanced.wish(usual, SMALL_MODEL - 1).sampling.temperature == 0.3
    assert balanced.wish(chosen, SMALL_MODEL - 1).sampling.temperature == 0.6
    assert creative.wish(usual, SMALL_MODEL - 1).sampling.temperature == 1.0
    assert balanced.wish(usual, SMALL_MODEL).sampling.repeat_penalty == 1.0
    assert creative.wish(usual, SMALL_MODEL - 1).sampling.repeat_penalty == 1.1
