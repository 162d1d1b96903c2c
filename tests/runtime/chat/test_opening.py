"""What a pack puts before every conversation, and texts at which its answers end."""

from __future__ import annotations

import pytest

from fakes import FakeModel
from llamapack_runtime.chat.defaults import ChatDefaults
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.types import Chat, Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.errors import UsageError
from llamapack_runtime.launch.defaults import chat_defaults
from llamapack_runtime.settings import read_settings
from make_gguf import CHATML

OPENING = '[{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]'
USER = Message("user", "Hi")


def session_of(*arguments: str, system_prompt: str | None = None) -> Session:
    model = FakeModel("ok")
    template = ChatTemplate(CHATML, bos_token="", eos_token="")
    defaults: ChatDefaults = chat_defaults(read_settings({}, {}, arguments))
    return Session(
        Engine(model),
        model,
        template,
        n_ctx=model.n_ctx,
        system_prompt=system_prompt,
        defaults=defaults,
    )


def said(session: Session, *messages: Message) -> list[str]:
    """What the prompt of a conversation shows of its messages."""
    text = session.prepare(Chat(messages)).text
    return [part.split("<|im_end|>")[0] for part in text.split("<|im_start|>")[1:]]


def test_opening_messages_come_behind_the_system_prompt_of_every_conversation() -> None:
    session = session_of("--opening-messages", OPENING, system_prompt="Be kind.")
    first = ["system\nBe kind.", "user\n1+1?", "assistant\n2", "user\nHi", "assistant\n"]
    assert said(session, USER) == first
    own = [Message("system", "Be brief."), USER, Message("assistant", "Hello."), USER]
    assert said(session, *own) == [
        "system\nBe brief.",
        *first[1:4],
        "assistant\nHello.",
        "user\nHi",
        "assistant\n",
    ]
    session.close()


def test_they_belong_to_the_prefix_of_all_conversations() -> None:
    session = session_of("--opening-messages", OPENING)
    prefix = session.system_prefix()
    assert len(prefix) > len(b"1+1?2")
    assert session.chat_prompt([USER])[: len(prefix)] == prefix
    session.close()


def test_packed_stops_end_every_answer() -> None:
    session = session_of("--stop", "a, b", "-r", "END")
    assert session.prepare(Chat((USER,))).stop == ("a, b", "END")
    session.close()


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "{}",
        "[]",
        "[1]",
        '[{"role": "user"}]',
        '[{"role": "system", "content": "x"}]',
        '[{"role": "user", "content": ""}]',
        '[{"role": "user", "content": "x", "name": "y"}]',
        "[" * 100_000,
    ],
)
def test_what_are_no_opening_messages(value: str) -> None:
    with pytest.raises(UsageError, match="--opening-messages must be a JSON array of up to 200"):
        read_settings({}, {}, ["--opening-messages", value])


def test_too_many_stops_are_refused() -> None:
    with pytest.raises(UsageError, match="--stop takes up to 32 texts"):
        read_settings({"stop": [str(number) for number in range(33)]}, {}, [])


def test_the_environment_names_one_stop() -> None:
    assert read_settings({}, {"LLAMAPACK_STOP": "a,b"}, []).stop == ("a,b",)
