"""From OpenAI's request for chat to the chat core's question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.api.body import to_struct
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.openai.chat import to_chat
from llamapack_runtime.api.openai.requests import ChatRequest
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.types import (
    AnswerFormat,
    Chat,
    Message,
    NamedTool,
    Thinking,
    Tool,
    ToolCall,
)
from runtime.api.clients import make_client
from runtime.api.spoken import SpokenSession, spoken

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "weather", "description": "Tells it.", "parameters": SCHEMA, "strict": True}
TIME = {"name": "time"}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": TIME}]
THE_TOOLS = (Tool("weather", "Tells it.", SCHEMA, True), Tool("time"))


def chat(**request: Any) -> Chat:
    return to_chat(to_struct({"messages": [USER]} | request, ChatRequest))


def said(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return chat(messages=list(messages)).messages


def refused(**request: Any) -> str | None:
    with pytest.raises(ApiError) as error:
        chat(**request)
    assert error.value.status in (400, 501)
    assert str(error.value).endswith(".")
    return error.value.param


def test_a_plain_question() -> None:
    assert chat() == Chat((Message("user", "Hi"),))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "system", "content": "Be kind."}, Message("system", "Be kind.")),
        ({"role": "developer", "content": "Be kind."}, Message("developer", "Be kind.")),
        ({"role": "user", "content": "Hi", "name": "Eva"}, Message("user", "Hi", "Eva")),
        (
            {"role": "user", "content": [{"type": "text", "text": t} for t in "ab"]},
            Message("user", "ab"),
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            Message("assistant", "No."),
        ),
        ({"role": "assistant", "content": None, "refusal": "No."}, Message("assistant", "No.")),
        (
            {"role": "assistant", "content": "4", "reasoning_content": "2+2"},
            Message("assistant", "4", reasoning="2+2"),
        ),
        (
            {"role": "assistant", "content": "4", "reasoning": "2+2"},
            Message("assistant", "4", reasoning="2+2"),
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "annotations": [],
                "audio": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Bonn"}'},
                    },
                    {"id": "call_2", "function": {"name": "time", "arguments": {"at": 1}}},
                ],
            },
            Message(
                "assistant",
                "",
                tool_calls=(
                    ToolCall("call_1", "weather", '{"city": "Bonn"}'),
                    ToolCall("call_2", "time", '{"at":1}'),
                ),
            ),
        ),
        (
            {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
            Message("tool", "rain", tool_call_id="call_1"),
        ),
        (
            {"role": "assistant", "function_call": {"name": "time", "arguments": "{}"}},
            Message("assistant", "", tool_calls=(ToolCall("call_time", "time", "{}"),)),
        ),
        (
            {"role": "function", "name": "time", "content": "noon"},
            Message("tool", "noon", "time", tool_call_id="call_time"),
        ),
    ],
)
def test_a_message_becomes_the_chat_cores(message: dict[str, Any], expected: Message) -> None:
    assert said(message, USER)[0] == expected


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "tool"}, "messages[0].content"),
        (
            {"role": "user", "content": "a", "tool_calls": [{"function": TIME}]},
            "messages[0].tool_calls",
        ),
        ({"role": "assistant", "tool_calls": [{}]}, "messages[0].tool_calls[0].function"),
        (
            {"role": "assistant", "tool_calls": [{"type": "custom", "function": TIME}]},
            "messages[0].tool_calls[0].type",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[0].content[0]"),
        ({"role": "user", "content": [{"type": ["text"]}]}, "messages[0].content[0]"),
        ({"role": "assistant", "audio": {"id": "a"}}, "messages[0].audio"),
    ],
)
def test_a_wrong_message_is_named(message: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as error:
        said(message)
    assert error.value.param == param


@pytest.mark.parametrize(
    ("choice", "tools", "expected"),
    [
        (None, THE_TOOLS, "auto"),
        ("none", THE_TOOLS, "none"),
        ("auto", THE_TOOLS, "auto"),
        ("required", THE_TOOLS, "required"),
        ({"type": "function", "function": {"name": "time"}}, THE_TOOLS, NamedTool("time")),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "time"}}],
                },
            },
            THE_TOOLS[1:],
            "required",
        ),
    ],
)
def test_tools_and_the_choice_among_them(choice: Any, tools: object, expected: object) -> None:
    asked = chat(tools=TOOLS, tool_choice=choice)
    assert (asked.tools, asked.tool_choice) == (tools, expected)
    assert asked.parallel_tool_calls


def test_parallel_calls_can_be_forbidden() -> None:
    assert not chat(tools=TOOLS, parallel_tool_calls=False).parallel_tool_calls


@pytest.mark.parametrize(
    ("call", "expected"), [(None, "auto"), ("none", "none"), ({"name": "time"}, NamedTool("time"))]
)
def test_functions_are_tools_of_which_one_is_called(call: Any, expected: object) -> None:
    asked = chat(functions=[WEATHER, TIME], function_call=call)
    assert (asked.tools, asked.tool_choice) == (THE_TOOLS, expected)
    assert not asked.parallel_tool_calls


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"function": {"name": "a:b"}}]}, "tools[0].function.name"),
        ({"tools": [{"function": {"name": "a/b"}}]}, "tools[0].function.name"),
        ({"tools": [{"function": TIME | {"x": 1}}]}, "tools[0].function.x"),
        ({"tools": [{"function": TIME, "x": 1}]}, "tools[0].x"),
        ({"tools": [{"function": TIME | {"strict": 1}}]}, "tools[0].function.strict"),
        ({"tools": [{"function": TIME | {"parameters": []}}]}, "tools[0].function.parameters"),
        ({"tools": [{"function": TIME | {"description": 1}}]}, "tools[0].function.description"),
        ({"tools": [TOOLS[1], TOOLS[1]]}, "tools"),
        ({"tools": [{"function": {"name": f"f{i}"}} for i in range(129)]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "any"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "mcp"}}, "tool_choice"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
        ),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"tools": TOOLS, "functions": [TIME]}, "functions"),
        ({"functions": [TIME], "function_call": {"name": "x"}}, "function_call"),
    ],
)
def test_wrong_tools_are_named(request_: dict[str, Any], param: str) -> None:
    assert refused(**request_) == param


def test_too_many_tools_are_counted_before_any_is_read() -> None:
    with pytest.raises(ApiError, match=r"'tools': There are 129 tools; at most 128"):
        chat(tools=[{"type": "function", "function": TIME}] * 129)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, AnswerFormat("json_object")),
        (
            {"response_format": {"type": "json_object", "schema": SCHEMA}},
            AnswerFormat("json_schema", SCHEMA),
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "strict": True, "schema": SCHEMA},
                }
            },
            AnswerFormat("json_schema", SCHEMA),
        ),
        (
            {"response_format": {"type": "json_schema", "schema": SCHEMA}},
            AnswerFormat("json_schema", SCHEMA),
        ),
        ({"json_schema": SCHEMA}, AnswerFormat("json_schema", SCHEMA)),
        ({"json_schema": {}}, AnswerFormat("json_object")),
        ({"guided_json": '{"type":"array"}'}, AnswerFormat("json_schema", {"type": "array"})),
        ({"grammar": 'root ::= "a"'}, AnswerFormat("gbnf", 'root ::= "a"')),
        ({"grammar": ""}, None),
        (
            {"grammar": '%llguidance {}\nstart: "a"'},
            AnswerFormat("lark", '%llguidance {}\nstart: "a"'),
        ),
        ({"ebnf": 'root ::= "a"'}, AnswerFormat("gbnf", 'root ::= "a"')),
        ({"guided_grammar": 'root ::= "a"'}, AnswerFormat("gbnf", 'root ::= "a"')),
        ({"guided_grammar": 'start: "a"'}, AnswerFormat("lark", 'start: "a"')),
        ({"guided_regex": "a+"}, AnswerFormat("regex", "a+")),
        ({"regex": "a+"}, AnswerFormat("regex", "a+")),
        ({"guided_choice": ["a", "b"]}, AnswerFormat("choice", ["a", "b"])),
        ({"structured_outputs": {"json": SCHEMA}}, AnswerFormat("json_schema", SCHEMA)),
        ({"structured_outputs": {"json_object": True}}, AnswerFormat("json_object")),
        ({"structured_outputs": {"regex": "a+"}}, AnswerFormat("regex", "a+")),
        ({"structured_outputs": {"choice": ["a"], "json": None}}, AnswerFormat("choice", ["a"])),
        ({"structured_outputs": {"grammar": 'start: "a"'}}, AnswerFormat("lark", 'start: "a"')),
    ],
)
def test_what_an_answer_must_match(request_: dict[str, Any], expected: object) -> None:
    assert chat(**request_).format == expected


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": ["text"]}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 1}}},
            "response_format.json_schema.schema",
        ),
        ({"response_format": {"type": "json_object"}, "regex": "a"}, "regex"),
        ({"grammar": 'root ::= "a"', "json_schema": SCHEMA}, "grammar"),
        ({"structured_outputs": {"regex": "a", "json": {}}}, "structured_outputs.json"),
        ({"structured_outputs": {"regex": 1}}, "structured_outputs.regex"),
        ({"structured_outputs": {"tag": 1}}, "structured_outputs.tag"),
        ({"guided_json": "{"}, "guided_json"),
        ({"guided_json": "[" * 100_000}, "guided_json"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": ["a", ""]}, "guided_choice"),
        ({"guided_choice": ["a"] * 1001}, "guided_choice"),
        ({"regex": "a" * 20_000}, "regex"),
    ],
)
def test_a_wrong_format_is_named(request_: dict[str, Any], param: str) -> None:
    assert refused(**request_) == param


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"reasoning_effort": "none"}, Thinking(enabled=False)),
        ({"reasoning_effort": "high"}, Thinking(effort="high")),
        ({"chat_template_kwargs": {"enable_thinking": False}}, Thinking(enabled=False)),
        ({"chat_template_kwargs": {"enable_thinking": True}}, Thinking(enabled=True)),
        ({"thinking_budget_tokens": 9}, Thinking(budget=9)),
        ({"reasoning_budget_tokens": 0}, Thinking(budget=0)),
        ({"reasoning_budget": -1}, Thinking()),
    ],
)
def test_thinking(request_: dict[str, Any], expected: Thinking) -> None:
    assert chat(**request_).thinking == expected


def test_template_variables_go_on_as_they_are() -> None:
    variables = {"enable_thinking": True, "date": "today"}
    assert chat(chat_template_kwargs=variables).template_variables == variables


ANSWER = {"role": "assistant", "content": "Well,"}


@pytest.mark.parametrize(
    ("messages", "request_", "continues"),
    [
        ([USER], {}, False),
        ([USER, ANSWER], {}, True),
        ([USER, ANSWER], {"continue_final_message": True}, True),
        ([USER, ANSWER], {"continue_final_message": "content"}, True),
        ([USER, ANSWER], {"continue_final_message": True, "add_generation_prompt": False}, True),
        ([USER, ANSWER], {"add_generation_prompt": False}, True),
        ([USER, ANSWER], {"add_generation_prompt": True}, False),
        ([USER, ANSWER], {"continue_final_message": False}, False),
    ],
)
def test_an_assistants_last_message_is_continued(
    messages: list[Any], request_: dict[str, Any], continues: bool
) -> None:
    assert chat(messages=messages, **request_).continues_last is continues


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"continue_final_message": True}, "continue_final_message"),
        ({"add_generation_prompt": False}, "add_generation_prompt"),
        (
            {
                "messages": [USER, ANSWER],
                "continue_final_message": True,
                "add_generation_prompt": True,
            },
            "continue_final_message",
        ),
        ({"chat_template_kwargs": {"messages": []}}, "chat_template_kwargs.messages"),
        ({"chat_template_kwargs": {"enable_thinking": 1}}, "chat_template_kwargs.enable_thinking"),
        (
            {"reasoning_effort": "none", "chat_template_kwargs": {"enable_thinking": True}},
            "reasoning_effort",
        ),
        ({"thinking_budget_tokens": 1, "reasoning_budget": 2}, "thinking_budget_tokens"),
    ],
)
def test_what_contradicts_itself_is_named(request_: dict[str, Any], param: str) -> None:
    assert refused(**request_) == param


def test_the_whole_request_arrives(ready: Service, web_root: Path) -> None:
    session = SpokenSession(*spoken("say Hello"))
    ready.state = Ready(session, "")
    body = {"messages": [USER], "tools": TOOLS, "logprobs": True, "top_logprobs": 3, "stop": "x"}
    reply = make_client(ready, web_root).post("/v1/chat/completions", json=body)
    assert reply.json()["choices"][0]["message"]["content"] == "Hello"
    assert session.chats == [Chat((Message("user", "Hi"),), THE_TOOLS)]
    request = session.submitted[0][0]
    assert (request.n_probs, request.stop) == (3, ("x",))
