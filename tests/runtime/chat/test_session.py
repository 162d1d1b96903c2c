# ruff: noqa: E501  # a template is easier to read in one line
from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest

from fakes import ByteTokenizer, FakeModel, fake_session
from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import Chat, Message, Tool
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.types import Request
from runtime.engine.listener import TIMEOUT_S, Listener

BOS, IM_START = ByteTokenizer.BOS, ByteTokenizer.IM_START
USER = [Message("user", "Hi")]


SYSTEM = "You are Ann, the caretaker of this house."

# As in the files of SmolLM2, Llama 3 and Gemma 2.
SMOLLM2 = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
LLAMA3 = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
GEMMA2 = "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
HEADER = "<|start_header_id|>{}<|end_header_id|>\n\n"
# Each with how a conversation begins with a system prompt.
FAMILIES = pytest.mark.parametrize(
    ("source", "beginning"),
    [
        (CHATML, f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"),
        (SMOLLM2, f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"),
        (
            LLAMA3,
            f"{HEADER.format('system')}{SYSTEM}<|eot_id|>{HEADER.format('user')}",
        ),
        (GEMMA2, f"<start_of_turn>user\n{SYSTEM}\n\n"),
    ],
    ids=["chatml", "smollm2", "llama3", "gemma2"],
)


def session_with(
    source: str, *, adds_bos: bool = True, system_prompt: str | None = None
) -> Session:
    model = FakeModel("ok", adds_bos=adds_bos)
    template = ChatTemplate(source, bos_token=model.bos_token, eos_token=model.eos_token)
    return Session(Engine(model), model, template, n_ctx=model.n_ctx, system_prompt=system_prompt)


def as_text(tokens: tuple[int, ...]) -> str:
    pieces = (ByteTokenizer.SPECIALS[t - 256].encode() if t > 255 else bytes([t]) for t in tokens)
    return b"".join(pieces).decode()


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


@FAMILIES
def test_the_packed_system_prompt_opens_a_conversation(source: str, beginning: str) -> None:
    session = session_with(source, system_prompt=SYSTEM)
    chat = [*USER, Message("assistant", "Hello."), *USER]
    text = as_text(session.chat_prompt(chat)).removeprefix(ByteTokenizer.bos_token)
    assert text.startswith(f"{beginning}Hi")
    assert text.count(SYSTEM) == 1
    session.close()


@FAMILIES
@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_message_of_the_conversation_replaces_it(
    source: str, beginning: str, role: str
) -> None:
    session = session_with(source, system_prompt=SYSTEM)
    tokens = session.chat_prompt([Message(role, "You are Bob."), *USER])
    text = as_text(tokens).removeprefix(ByteTokenizer.bos_token)
    assert text.startswith(beginning.replace(SYSTEM, "You are Bob.") + "Hi")
    assert SYSTEM not in text
    session.close()


@FAMILIES
def test_all_conversations_begin_with_the_system_prefix(source: str, beginning: str) -> None:
    session = session_with(source, system_prompt=SYSTEM)
    prefix = session.system_prefix()
    assert as_text(prefix).rstrip() == (ByteTokenizer.bos_token + beginning).rstrip()
    for first in ("What?", "\n", "1", "<|im_start|>", "Ünder"):
        assert session.chat_prompt([Message("user", first)])[: len(prefix)] == prefix
    session.close()


def test_without_a_system_prompt_there_is_no_prefix() -> None:
    session = session_with(SMOLLM2)
    assert session.system_prefix() == ()
    assert "named SmolLM" in as_text(session.chat_prompt(USER))
    session.close()


def test_a_template_that_refuses_the_system_prompt_does_not_end_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = (
        "{{ messages[0].content }}"
        "{% if 'Ann' in messages[0].content %}{{ raise_exception('No Ann.') }}{% endif %}"
    )
    session = session_with(source, system_prompt=SYSTEM)
    with caplog.at_level(logging.WARNING):
        session.preload()
    assert "The system prompt cannot be used" in caplog.text
    assert "No Ann." in caplog.text
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


TOOL = Tool("get_weather", "The weather.", {"type": "object"})
# As Hermes 2 Pro has it: the usual template knows no tools.
TOOL_USE = """\
{{- '<|im_start|>system\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}
{{- '<tool_call></tool_call><|im_end|>\n' }}{% for message in messages %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}"""


def prepared_text(source: str, named: dict[str, str], *, own: bool = True) -> str:
    model = FakeModel("ok", adds_bos=False)
    model.chat_template = source if own else None
    model.named_chat_templates = named
    template = ChatTemplate(source, bos_token=model.bos_token, eos_token=model.eos_token)
    session = Session(Engine(model), model, template, n_ctx=model.n_ctx)
    try:
        return session.prepare(Chat((Message("user", "Hi"),), tools=(TOOL,))).text
    finally:
        session.close()


def test_a_second_template_shows_the_tools_that_the_usual_one_does_not() -> None:
    text = prepared_text(CHATML, {"tool_use": TOOL_USE})
    assert text.startswith('<|im_start|>system\n{"type": "function"')


@pytest.mark.parametrize(
    "named",
    [{}, {"rag": TOOL_USE}, {"tool_use": "{% if %}"}, {"tool_use": CHATML}],
    ids=["none", "another", "broken", "without tools"],
)
def test_without_a_usable_second_template_tools_are_told_in_words(named: dict[str, str]) -> None:
    assert "You may call functions" in prepared_text(CHATML, named)


def test_the_users_own_template_has_no_second_one() -> None:
    assert "You may call functions" in prepared_text(CHATML, {"tool_use": TOOL_USE}, own=False)


def test_a_template_that_shows_tools_needs_no_second_one() -> None:
    usual = "USUAL " + TOOL_USE
    assert prepared_text(usual, {"tool_use": TOOL_USE}).startswith("USUAL")
