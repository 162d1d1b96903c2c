# marks as models write them
"""What a chat becomes: the prompt, the grammar that bounds its answer, and how that is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fakes import ByteTokenizer
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, Reasoning, joined
from llamapack_runtime.chat.prepare import Prepared, Preparer
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import (
    AnswerFormat,
    Chat,
    Message,
    NamedTool,
    Thinking,
    Tool,
    ToolCall,
)
from llamapack_runtime.engine.errors import GrammarError

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool("get_weather", "The weather.", CITY)
USER = (Message("user", "Hi"),)
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
# As Qwen 3 does: thinks by itself, unless an empty block is there.
QWEN3 = CHATML.replace(
    "{{- '<|im_start|>assistant\\n' -}}",
    "{{- '<|im_start|>assistant\\n' -}}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}",
)
# As the distilled models of DeepSeek R1: thinking is opened and cannot be switched.
OPENED = CHATML.replace("assistant\\n' -}}", "assistant\\n<think>\\n' -}}")


def preparer(source: str = CHATML, words: ByteTokenizer | None = None) -> Preparer:
    template = ChatTemplate(source, bos_token="", eos_token="")
    return Preparer(template, words or ByteTokenizer())


def prepare(chat: Chat, source: str = CHATML) -> Prepared:
    return preparer(source).prepare(chat)


def with_tool(**options: Any) -> Chat:
    return Chat(USER, tools=(WEATHER,), **options)


def parts(prepared: Prepared, text: str) -> list[Part]:
    parser = prepared.parser()
    return joined([*parser.push(text), *parser.finish()])


def allows(prepared: Prepared, text: str) -> bool:
    assert prepared.grammar is not None
    matcher = prepared.grammar.start()
    try:
        for byte in text.encode():
            matcher.accept(byte)
        matcher.accept(ByteTokenizer.END)
    except GrammarError:
        return False
    return True


def allowed(prepared: Prepared, *texts: str) -> list[bool]:
    return [allows(prepared, text) for text in texts]


def is_called(found: Sequence[Part]) -> bool:
    return any(isinstance(part, CallBegins) for part in found)


def test_a_plain_chat_has_no_grammar() -> None:
    prepared = prepare(Chat(USER))
    assert (prepared.grammar, prepared.reasoning_limit, prepared.stop) == (None, None, ())
    assert parts(prepared, " Hello.") == [Content(" Hello.")]


def test_tools_are_described_where_the_template_shows_none() -> None:
    prepared = prepare(with_tool())
    assert prepared.text.startswith("<|im_start|>system\n")
    assert '"name": "get_weather"' in prepared.text
    found = parts(prepared, CALL)
    assert [type(part) for part in found] == [CallBegins, CallArguments]


def test_the_system_message_keeps_its_words_before_the_tools() -> None:
    chat = Chat((Message("system", "Be kind."), *USER), tools=(WEATHER,))
    assert prepare(chat).text.startswith("<|im_start|>system\nBe kind.\n\n")


def test_calls_and_results_are_words_where_the_template_shows_none() -> None:
    call = ToolCall("call_1", "get_weather", '{"city": "Rome"}')
    messages = (
        *USER,
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "Sunny.", tool_call_id="call_1"),
        Message("tool", "Dry.", tool_call_id="call_1"),
    )
    text = prepare(Chat(messages)).text
    assert CALL in text
    assert text.count("<|im_start|>user") == 2
    assert "<tool_response>\nSunny.\n</tool_response>\n<tool_response>\nDry." in text


def test_auto_allows_words_or_valid_calls() -> None:
    prepared = prepare(with_tool())
    wrong = CALL.replace("city", "town")
    answers = ("Hello.", CALL, f"Look: {CALL}", f"{CALL}\n{CALL}", wrong, f"Look: {wrong}")
    assert allowed(prepared, *answers) == [True, True, True, True, False, False]


def test_required_allows_only_calls() -> None:
    prepared = prepare(with_tool(tool_choice="required", parallel_tool_calls=False))
    assert allowed(prepared, "Hello.", CALL, f"{CALL}\n{CALL}") == [False, True, False]


def test_a_named_tool_is_the_only_one() -> None:
    other = Tool("other", parameters=CITY)
    chat = Chat(USER, tools=(WEATHER, other), tool_choice=NamedTool("other"))
    assert allowed(prepare(chat), CALL, CALL.replace("get_weather", "other")) == [False, True]


def test_none_shows_the_tools_but_no_call_can_happen() -> None:
    prepared = prepare(with_tool(tool_choice="none"))
    assert "get_weather" in prepared.text
    assert allowed(prepared, "Hello <tool", CALL) == [True, False]
    assert not is_called(parts(prepared, CALL))


def test_a_format_or_a_call() -> None:
    chat = with_tool(format=AnswerFormat("choice", ["yes", "no"]))
    assert allowed(prepare(chat), "yes", "maybe", CALL) == [True, False, True]


def test_equal_chats_share_a_grammar() -> None:
    one = preparer()
    first, second = one.prepare(with_tool()), one.prepare(with_tool())
    assert first.grammar is second.grammar is not None


@pytest.mark.parametrize("source", [QWEN3, OPENED], ids=["by itself", "opened"])
def test_thinking_comes_before_what_is_required(source: str) -> None:
    begin = "" if source == OPENED else "<think>"
    thought = f"{begin}\nI might <tool_call>.\n</think>\n\n"
    prepared = prepare(with_tool(tool_choice="required"), source)
    assert allowed(prepared, thought + CALL, f"{thought}Hello.") == [True, False]
    found = parts(prepared, thought + CALL)
    assert found[0] == Reasoning("I might <tool_call>.")
    assert is_called(found)


def test_a_format_follows_free_thinking() -> None:
    prepared = prepare(Chat(USER, format=AnswerFormat("json_object")), QWEN3)
    assert allowed(prepared, '{"a": 1}', '<think>{</think>{"a": 1}', "<think>{") == [
        *(True, True, False)
    ]
    assert parts(prepared, "<think>a</think>\n\n{}") == [Reasoning("a"), Content("{}")]


def test_calls_in_words_are_bounded_behind_thinking_too() -> None:
    prepared = prepare(with_tool(), QWEN3)
    thought = "<think>Perhaps <tool_call>?</think>\n"
    answers = (f"{thought}Hi.", f"{thought}Hi. {CALL}", f"{thought}<tool_call>?", "Hi.", CALL)
    assert allowed(prepared, *answers) == [True, True, False, True, True]


def test_marks_that_are_control_tokens_are_shown_and_named_by_number() -> None:
    class Marked(ByteTokenizer):
        SPECIALS = (  # type: ignore[assignment]  # four more than the others have
            *ByteTokenizer.SPECIALS,
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
        )
        n_vocab = 264

    prepared = preparer(QWEN3, Marked()).prepare(with_tool())
    assert prepared.shown_tokens == {260, 261, 262, 263}
    assert prepared.grammar is not None
    matcher = prepared.grammar.start()
    body = CALL.removeprefix("<tool_call>").removesuffix("</tool_call>").encode()
    for token in (260, *b"hm", 261, *b"\nOk: ", 262, *body, 263, ByteTokenizer.END):
        matcher.accept(token)
    plain = preparer(QWEN3, Marked()).prepare(Chat(USER))
    assert plain.shown_tokens == {260, 261}


def test_thinking_is_switched_by_the_template() -> None:
    off = prepare(Chat(USER, thinking=Thinking(enabled=False)), QWEN3)
    assert off.text.endswith("assistant\n<think>\n\n</think>\n\n")
    assert parts(off, "<think>") == [Content("<think>")]
    on = prepare(Chat(USER, thinking=Thinking(enabled=True)), QWEN3)
    assert on.text.endswith("assistant\n")


def test_thinking_that_the_template_opens_is_closed() -> None:
    off = prepare(Chat(USER, thinking=Thinking(enabled=False)), OPENED)
    assert off.text.endswith("<think>\n\n</think>\n\n")
    assert parts(off, "Hi") == [Content("Hi")]


def test_a_model_that_does_not_think_cannot_be_made_to() -> None:
    with pytest.raises(ChatError, match="does not think"):
        prepare(Chat(USER, thinking=Thinking(enabled=True)))
    off = prepare(Chat(USER, thinking=Thinking(enabled=False)))
    assert off.text.endswith("assistant\n")


def test_a_budget_bounds_the_reasoning() -> None:
    limit = prepare(Chat(USER, thinking=Thinking(budget=7)), QWEN3).reasoning_limit
    assert limit is not None
    assert (limit.max_tokens, limit.begin, limit.end) == (7, "<think>", "</think>")
    assert bytes(limit.end_tokens) == b"</think>"
    opened = prepare(Chat(USER, thinking=Thinking(effort="low")), OPENED).reasoning_limit
    assert opened is not None
    assert (opened.max_tokens, opened.begin) == (1024, None)


def test_effort_goes_to_a_template_that_knows_it() -> None:
    source = "{{ reasoning_effort }}" + QWEN3
    prepared = prepare(Chat(USER, thinking=Thinking(effort="low")), source)
    assert prepared.text.startswith("low")
    assert prepared.reasoning_limit is None


def test_a_continued_answer_is_read_from_its_middle() -> None:
    messages = (*USER, Message("assistant", "Once upon"))
    prepared = prepare(Chat(messages, continues_last=True), QWEN3)
    assert prepared.text.endswith("Once upon")
    assert parts(prepared, " <think> a time") == [Content(" <think> a time")]


@pytest.mark.parametrize(
    ("chat", "word"),
    [
        (with_tool(tool_choice=NamedTool("nobody")), "nobody"),
        (Chat(USER, tool_choice="required"), "no tools"),
        (Chat(USER, tools=(WEATHER, WEATHER)), "get_weather"),
        (Chat(USER, tools=(Tool("two words"),)), "two words"),
        (Chat(USER, tools=tuple(Tool(f"t{i}") for i in range(129))), "129"),
        (Chat(USER, tools=(Tool("x", parameters={"type": "array"}),)), "array"),
        (Chat(USER, tools=(Tool("x", parameters={"properties": []}),)), "properties"),
        (
            Chat(USER, tools=(WEATHER, Tool("x", parameters={"not": {}}))),
            r"tool 'x'.*not",
        ),
        (Chat(USER, format=AnswerFormat("json_schema", {"not": {}})), "not"),
    ],
)
def test_what_cannot_be_had_is_said(chat: Chat, word: str) -> None:
    with pytest.raises(ChatError, match=word):
        prepare(chat)


# As some of Mistral's and Hermes' templates do: tools, but not with a system message.
REFUSES_TOOLS = CHATML.replace(
    "{%- for message in messages -%}",
    "{%- for tool in tools or [] -%}{{- tool.function.name -}}<tool_call></tool_call>"
    "{%- if messages[0].role == 'system' -%}{{- raise_exception('No system with tools.') -}}"
    "{%- endif -%}{%- endfor -%}{%- for message in messages -%}"
    "{%- if message.content == 'refuse' -%}{{- raise_exception('Not this.') -}}{%- endif -%}",
    1,
)


def test_tools_that_the_template_refuses_are_told_in_words() -> None:
    native = prepare(with_tool(), REFUSES_TOOLS)
    assert native.text.startswith("get_weather<tool_call>")
    system = (Message("system", "Be brief."), *USER)
    worded = prepare(Chat(system, tools=(WEATHER,)), REFUSES_TOOLS)
    assert worded.text.startswith("<|im_start|>system\nBe brief.\n\nYou may call functions")
    assert is_called(parts(worded, CALL))
    assert allowed(worded, CALL) == [True]


def test_the_templates_refusal_is_told_when_words_do_not_help() -> None:
    messages = (Message("system", "Be brief."), Message("user", "refuse"))
    with pytest.raises(ChatError, match="No system with tools"):
        prepare(Chat(messages, tools=(WEATHER,)), REFUSES_TOOLS)


def test_arguments_that_are_no_object_are_told_and_not_put_into_words() -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("a", "get_weather", "[1]"),))
    source = REFUSES_TOOLS.replace(
        "{{- '<|im_start|>' + message['role']",
        "{%- for call in message.tool_calls or [] -%}{{- call.function.name -}}"
        "{{- call.function.arguments | tojson -}}{%- endfor -%}"
        "{{- '<|im_start|>' + message['role']",
    ).replace("message['content'] +", "(message['content'] or '') +")
    with pytest.raises(ChatError, match="must be a JSON object"):
        prepare(Chat((*USER, call), tools=(WEATHER,)), source)
