# ruff: noqa: E501  # a template is easier to read in one line
"""Tools, calls, results and reasoning, as each template wants them written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import Message, Tool, ToolCall
from runtime.chat.conversations import CONVERSATIONS, Conversation

ASK = Message("user", "How warm?")
CALL = ToolCall("a1b2c3d4e", "weather", '{"city": "Zürich"}')
CALLING = Message("assistant", "", tool_calls=(CALL,))
RESULT = Message("tool", "21", tool_call_id="a1b2c3d4e")
WEATHER = Tool("weather", "Of a place.", {"type": "object", "properties": {"city": {}}})

TOOLS = "{% if tools %}T{{ tools | tojson }}{% endif %}"
NATIVE = TOOLS + (
    "{% for m in messages %}[{{ m.role }}:{{ m.content or '' }}"
    "{% if m.reasoning_content %}<{{ m.reasoning_content }}>{% endif %}"
    "{% for c in m.tool_calls %}({{ c.function.name }} {{ c.function.arguments | tojson }}){% endfor %}"
    "{% if m.role == 'tool' %} of {{ m.name }} {{ m.tool_call_id }}{% endif %}]{% endfor %}"
    "{% if add_generation_prompt %}[assistant:{% if enable_thinking is defined and not enable_thinking %}<>{% endif %}{% endif %}"
)
TEXT_ARGUMENTS = NATIVE.replace("c.function.arguments | tojson", "'' + c.function.arguments")
WRITES_NONE = NATIVE.replace("m.content or ''", "m.content")
ONE_CALL = NATIVE.replace("for c in m.tool_calls", "for c in (m.tool_calls or [])[:1]")


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>")


def named(name: str) -> Conversation:
    return next(each for each in CONVERSATIONS if each.name == name)


def test_tools_are_listed_as_functions() -> None:
    text = template(NATIVE).render([ASK], tools=[WEATHER, Tool("time")])
    assert text.startswith(
        'T[{"type": "function", "function": {"name": "weather", "description": "Of a place.", '
        '"parameters": {"type": "object", "properties": {"city": {}}}}}, '
        '{"type": "function", "function": {"name": "time", "description": "", '
        '"parameters": {"type": "object", "properties": {}}}}]'
    )


def test_tools_are_listed_under_the_name_that_the_template_has_for_them() -> None:
    opened = template(
        NATIVE.replace("tools %}", "xml_tools %}").replace("{{ tools", "{{ xml_tools")
    )
    assert opened.capabilities.shows_tools
    assert opened.render([ASK], tools=[WEATHER]).startswith('T[{"type"')


def test_a_template_that_goes_through_no_tools_gets_a_list() -> None:
    source = NATIVE.replace(TOOLS, "{% for t in tools %}{{ t.function.name }};{% endfor %}")
    assert template(source).render([ASK], tools=[WEATHER]) == "weather;[user:How warm?][assistant:"
    assert template(source).render([ASK]) == "[user:How warm?][assistant:"


@pytest.mark.parametrize("source", [NATIVE, TEXT_ARGUMENTS, WRITES_NONE])
def test_a_call_is_written_as_the_template_wants_it(source: str) -> None:
    text = template(source).render([ASK, CALLING, RESULT])
    assert text == (
        '[user:How warm?][assistant:(weather {"city": "Zürich"})]'
        "[tool:21 of weather a1b2c3d4e][assistant:"
    )


def test_no_arguments_are_an_empty_object() -> None:
    call = Message("assistant", "", tool_calls=(replace(CALL, arguments=" "),))
    assert "(weather {})" in template(NATIVE).render([ASK, call])


@pytest.mark.parametrize(
    ("arguments", "words"), [("[1]", "object"), ("{", "not JSON"), ("[" * 9999, "not JSON")]
)
def test_arguments_that_are_no_object_are_refused(arguments: str, words: str) -> None:
    call = Message("assistant", "", tool_calls=(replace(CALL, arguments=arguments),))
    with pytest.raises(ChatTemplateError, match=words):
        template(NATIVE).render([ASK, call])


def test_capabilities_of_a_template_that_shows_all() -> None:
    can = template(NATIVE).capabilities
    assert can.source == NATIVE
    assert can.shows_system
    assert can.shows_tools
    assert can.shows_tool_calls
    assert can.shows_parallel_calls
    assert can.shows_tool_results
    assert can.shows_call_ids
    assert can.shows_reasoning
    assert can.reads("enable_thinking")
    assert not can.reads("reasoning_effort")


def test_capabilities_of_a_template_that_knows_only_words() -> None:
    can = template(CHATML).capabilities
    assert can.shows_tool_results  # after a call that was written as text
    assert not can.shows_tools
    assert not can.shows_tool_calls
    assert not can.shows_reasoning
    assert not can.shows_call_ids


def test_a_variable_that_is_also_set_is_read() -> None:
    source = (
        "{% set thinking = thinking if thinking is defined else true %}{{ messages[0].content }}"
    )
    assert template(source).capabilities.reads("thinking")


@pytest.mark.parametrize(
    ("source", "messages", "tools", "words"),
    [
        (CHATML, [ASK], [WEATHER], "does not show tools"),
        (CHATML, [ASK, CALLING, RESULT], [], "does not show tool calls"),
        (CHATML.replace("message['content']", "(message['content'] if message.role != 'tool' else '')"), [ASK, RESULT], [], "does not show tools' results"),
        (ONE_CALL, [ASK, Message("assistant", "", tool_calls=(CALL, replace(CALL, id="b"))), RESULT], [], "several"),
    ],
)  # fmt: skip
def test_what_would_be_left_out_is_refused(
    source: str, messages: list[Message], tools: list[Tool], words: str
) -> None:
    with pytest.raises(ChatTemplateError, match=words):
        template(source).render(messages, tools=tools)


@pytest.mark.parametrize("name", ["reasoning_content", "thinking", "reasoning"])
def test_reasoning_goes_by_the_name_that_the_template_reads(name: str) -> None:
    source = NATIVE.replace("reasoning_content", name)
    text = template(source).render(named("reasoning").messages)
    assert "<The user wants degrees." in text


def test_variables_reach_the_template() -> None:
    opened = template(NATIVE)
    assert opened.render([ASK], variables={"enable_thinking": False}).endswith("[assistant:<>")
    assert opened.generation_prompt() == "[assistant:"
    assert opened.generation_prompt({"enable_thinking": False}) == "[assistant:<>"


@pytest.mark.parametrize(
    "name",
    ["messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "range", "the budget"],
)
def test_the_servers_variables_cannot_be_set(name: str) -> None:
    with pytest.raises(ChatTemplateError, match=name):
        template(NATIVE).render([ASK], variables={name: "x"})


@pytest.mark.parametrize(
    ("source", "said", "end"),
    [
        (CHATML, "It is ", "<|im_start|>assistant\nIt is "),
        (CHATML, "", "<|im_start|>assistant\n"),
        (CHATML.replace("message['content']", "message['content'] | trim"), "It is ", "<|im_start|>assistant\nIt is"),
    ],
)  # fmt: skip
def test_the_last_message_stays_open(source: str, said: str, end: str) -> None:
    messages = [ASK, Message("assistant", said)]
    assert template(source).render(messages, continues_last=True).endswith(end)


def test_a_refusal_without_words_names_its_kind() -> None:
    source = CHATML + "{% if messages | length > 1 %}{{ raise_exception('') }}{% endif %}"
    with pytest.raises(ChatTemplateError, match="messages: TemplateError"):
        template(source).render([ASK, ASK])


def test_reasoning_without_an_answer_stays_open() -> None:
    messages = [ASK, Message("assistant", "", reasoning="Let me")]
    assert template(NATIVE).render(messages, continues_last=True).endswith("[assistant:<Let me")


@pytest.mark.parametrize(
    ("source", "messages", "words"),
    [
        (CHATML, [], "Only a last message"),
        (CHATML, [ASK], "Only a last message"),
        (NATIVE, [ASK, CALLING], "without tool calls"),
        (CHATML.replace("message['content']", "message['content'][:20]"), [ASK, Message("assistant", "a" * 20)], "changes it"),
    ],
)  # fmt: skip
def test_what_cannot_be_continued_is_refused(
    source: str, messages: list[Message], words: str
) -> None:
    with pytest.raises(ChatTemplateError, match=words):
        template(source).render(messages, continues_last=True)


def test_a_hostile_template_does_not_make_every_trial_last() -> None:
    spin = "{% if messages | length > 1 %}{% for a in range(99999) %}{% for b in range(99) %}{% set x = ('x' * 99999).count('y') %}{% endfor %}{% endfor %}{% endif %}"
    opened = template("{{ messages[-1].content }}{{ tool_calls }}{{ thinking }}" + spin)
    assert not opened.capabilities.shows_tool_calls
