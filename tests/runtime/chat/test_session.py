from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from fakes import ByteTokenizer, FakeModel, fake_session
from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.types import Request
from runtime.engine.listener import TIMEOUT_S, Listener

BOS, IM_START = ByteTokenizer.BOS, ByteTokenizer.IM_START
USER = [Message("user", "Hi")]


def session_with(source: str, *, adds_bos: bool = True) -> Session:
    model = FakeModel("ok", adds_bos=adds_bos)
    template = ChatTemplate(source, bos_token=model.bos_token, eos_token=model.eos_token)
    return Session(Engine(model), model, template, n_ctx=model.n_ctx)


@pytest.fixture
def session() -> Session:
    return fake_session("Hello!")


def test_marks_of_the_template_become_special_tokens(session: Session) -> None:
    tokens = session.chat_prompt(USER)
    assert tokens[:2] == (BOS, IM_START)
    assert bytes(t for t in tokens if t < 256) == b"user\nHi\nassistant\n"
    session.close()


@pytest.mark.parametrize(
    "source", ["{{ messages[0].content }}", "{{ bos_token }}{{ messages[0].content }}"]
)
def test_a_prompt_has_one_bos_whether_the_template_writes_it_or_not(source: str) -> None:
    session = session_with(source)
    assert session.chat_prompt(USER) == (BOS, *b"Hi")
    session.close()


def test_a_model_without_bos_gets_none() -> None:
    session = session_with("{{ messages[0].content }}", adds_bos=False)
    assert session.chat_prompt(USER) == tuple(b"Hi")
    session.close()


def test_a_text_to_continue_gets_bos_and_special_tokens(session: Session) -> None:
    assert session.text_prompt("<|im_start|>x") == (BOS, IM_START, ord("x"))
    session.close()


def test_a_refusal_of_the_template_is_raised() -> None:
    session = session_with(
        "{{ messages[0].content }}"
        "{% if messages | length > 1 %}{{ raise_exception('One.') }}{% endif %}"
    )
    with pytest.raises(ChatTemplateError, match="One"):
        session.chat_prompt(USER + USER)
    session.close()


def test_a_chat_from_messages_to_text(session: Session) -> None:
    listener = Listener()
    session.submit(Request("a", session.chat_prompt(USER)), listener)
    assert listener.finished().reason == "stop"
    assert listener.text == "Hello!"
    assert session.stats().completion_tokens == 7
    session.close()


def test_abort_and_close_reach_the_engine() -> None:
    gate = threading.Event()
    session = fake_session("Hello!", gate=gate)
    model = session.vocabulary
    assert isinstance(model, FakeModel)
    aborted, closed = Listener(), Listener()
    request = Request("a", session.chat_prompt(USER))
    session.submit(request, aborted)
    assert model.decoding.wait(TIMEOUT_S)
    session.abort("a")
    session.submit(replace(request, request_id="b"), closed)
    session.close()
    assert {aborted.end().__class__.__name__, closed.failed().code} == {"Finished", "shutting_down"}
    assert model.is_closed
