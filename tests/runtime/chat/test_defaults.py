"""What the packer wants of chats, beside what they say themselves."""

from __future__ import annotations

import pytest

from fakes import FakeModel
from llamapack_runtime.chat.defaults import ChatDefaults
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import Chat, Message, Thinking
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.errors import UsageError
from llamapack_runtime.launch.defaults import chat_defaults
from llamapack_runtime.settings import Settings, read_settings

ASKED = Chat((Message("user", "Hi"),))


def test_without_options_a_chat_stays_as_it_is() -> None:
    assert chat_defaults(Settings()).applied(ASKED) == ASKED


@pytest.mark.parametrize(
    ("arguments", "thinking"),
    [
        (["--reasoning", "off"], Thinking(enabled=False)),
        (["-rea", "on"], Thinking(enabled=True)),
        (["--reasoning", "auto"], Thinking()),
        (["--reasoning-budget", "64"], Thinking(budget=64)),
        (["--reasoning-budget", "-1"], Thinking()),
        (["--reasoning-effort", "high"], Thinking(effort="high")),
    ],
)
def test_llama_servers_options(arguments: list[str], thinking: Thinking) -> None:
    defaults = chat_defaults(read_settings({}, {}, arguments))
    assert defaults.applied(ASKED).thinking == thinking


def test_variables_of_the_template() -> None:
    arguments = ["--chat-template-kwargs", '{"a": 1, "b": [2]}']
    defaults = chat_defaults(read_settings({}, {}, arguments))
    asked = Chat(ASKED.messages, template_variables={"b": 3, "c": 4})
    assert defaults.applied(asked).template_variables == {"a": 1, "b": 3, "c": 4}


@pytest.mark.parametrize("text", ["{", "[]", "5", "null", "[" * 100_000])
def test_variables_that_are_no_object(text: str) -> None:
    with pytest.raises(UsageError, match="must be a JSON object, not"):
        read_settings({}, {}, ["--chat-template-kwargs", text])


@pytest.mark.parametrize(
    ("own", "result"),
    [
        (Thinking(), Thinking(False, "low", 9)),
        (Thinking(enabled=True), Thinking(True, "low", 9)),
        (Thinking(effort="high"), Thinking(False, "high", 9)),
        (Thinking(budget=0), Thinking(False, "low", 0)),
    ],
)
def test_what_the_chat_says_wins(own: Thinking, result: Thinking) -> None:
    defaults = ChatDefaults(Thinking(enabled=False, effort="low", budget=9))
    assert defaults.applied(Chat(ASKED.messages, thinking=own)).thinking == result


def test_a_chat_that_wants_to_think_may() -> None:
    defaults = ChatDefaults(Thinking(budget=0))
    wants = Chat(ASKED.messages, thinking=Thinking(enabled=True))
    assert defaults.applied(wants).thinking == Thinking(enabled=True)
    assert defaults.applied(ASKED).thinking == Thinking(budget=0)


@pytest.mark.parametrize(
    ("own", "shown"), [({}, "no thinking"), ({"enable_thinking": True}, "thinking")]
)
def test_a_session_puts_them_into_its_prompts(own: dict[str, bool], shown: str) -> None:
    source = CHATML + "{{ 'thinking' if enable_thinking else 'no thinking' }}"
    model = FakeModel("ok")
    template = ChatTemplate(source, bos_token=model.bos_token, eos_token=model.eos_token)
    defaults = ChatDefaults(template_variables={"enable_thinking": False})
    session = Session(Engine(model), model, template, n_ctx=512, defaults=defaults)
    try:
        text = session.prepare(Chat(ASKED.messages, template_variables=own)).text
        assert text.endswith(f"assistant\n{shown}")
    finally:
        session.close()
