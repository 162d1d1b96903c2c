"""What Anthropic's parameters become, and how wrong ones are refused."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.anthropic.blocks import Block, Text
from llamapack_runtime.api.anthropic.messages import to_messages
from llamapack_runtime.api.anthropic.requests import AskedMessage
from llamapack_runtime.api.body import MAX_BODY_BYTES
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.types import Message, NamedTool, Thinking
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Finished, Request
from runtime.api.prepared import Asked, PreparedSession

MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"
USER: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
HELLO: dict[str, Any] = {"model": "claude", "max_tokens": 16, "messages": USER}
TOOL: dict[str, Any] = {"name": "add", "input_schema": {"type": "object"}}
CLEAR_THINKING = {"type": "clear_thinking_20251015"}
END = Finished("stop", 3, 0, 0, 0.5, 0.25)


def use(call_id: str = "t1") -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "add", "input": {}}


def result(call_id: str = "t1", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id} | fields


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


@pytest.fixture
def asked(service: Service, web_root: Path) -> Asked:
    return Asked(service, web_root, PreparedSession(END))


def submitted(asked: Asked, body: dict[str, Any]) -> Request:
    reply = asked.post(MESSAGES, body)
    assert reply.status_code == 200, reply.text
    return asked.session.submitted[-1][0]


def refusal(reply: Any, status: int = 400, kind: str = "invalid_request_error") -> str:
    """Anthropic's shape, with a whole sentence."""
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) == {"type", "error", "request_id"}
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert re.fullmatch("req_[0-9a-f]{24}", body["request_id"])
    assert reply.headers["request-id"] == body["request_id"]
    sentence = body["error"]["message"]
    assert isinstance(sentence, str)
    assert sentence.endswith(".")
    return sentence


def test_sampling_reaches_the_engine(asked: Asked) -> None:
    wanted = {"temperature": 0.5, "top_p": 0.9, "top_k": 7}
    request = submitted(asked, HELLO | wanted)
    assert request.sampling == SamplingParams(temperature=0.5, top_p=0.9, top_k=7)
    assert request.max_tokens == 16


def test_the_packs_defaults_fill_in(asked: Asked) -> None:
    assert submitted(asked, HELLO).sampling == SamplingParams(temperature=0.0)


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, "auto", True),
        ({"type": "any"}, "required", True),
        ({"type": "none"}, "none", True),
        ({"type": "tool", "name": "add"}, NamedTool("add"), True),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        (None, "auto", True),
    ],
)
def test_the_choice_of_a_tool(
    asked: Asked, choice: object, expected: object, parallel: bool
) -> None:
    submitted(asked, HELLO | {"tools": [TOOL], "tool_choice": choice})
    chat = asked.session.chats[0]
    assert (chat.tool_choice, chat.parallel_tool_calls) == (expected, parallel)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Thinking()),
        ({"thinking": {"type": "adaptive"}}, Thinking()),
        ({"thinking": {"type": "disabled"}}, Thinking(enabled=False)),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 15}},
            Thinking(enabled=True, budget=15),
        ),
        ({"output_config": {"effort": "low"}}, Thinking(effort="low")),
        ({"output_config": {"effort": "max"}}, Thinking(effort="high")),
    ],
)
def test_thinking(asked: Asked, fields: dict[str, Any], expected: Thinking) -> None:
    submitted(asked, HELLO | fields)
    assert asked.session.chats[0].thinking == expected


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_both_names_of_the_format(asked: Asked, name: str) -> None:
    asked_for = {"type": "json_schema", "schema": {"type": "object"}}
    submitted(
        asked, HELLO | {name: asked_for if name == "output_format" else {"format": asked_for}}
    )
    chosen = asked.session.chats[0].format
    assert chosen is not None
    assert (chosen.kind, chosen.value) == ("json_schema", {"type": "object"})


def test_examples_of_a_tool_are_in_its_description(asked: Asked) -> None:
    tool = TOOL | {"description": "Adds.", "input_examples": [{"a": 1}, {"a": 2}]}
    submitted(asked, HELLO | {"tools": [tool]})
    (shown,) = asked.session.chats[0].tools
    assert shown.description == 'Adds.\nExamples of its input:\n{"a":1}\n{"a":2}'


def test_what_says_nothing_about_the_answer_passes(asked: Asked) -> None:
    harmless: dict[str, Any] = {
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "cache_control": {"type": "ephemeral"},
        "speed": "standard",
        "user_profile_id": "u",
        "mcp_servers": [],
        "container": None,
        "context_management": {"edits": [CLEAR_THINKING | {"keep": "all"}]},
        "diagnostics": None,
        "inference_geo": None,
    }
    headers = {"anthropic-version": "2023-06-01", "x-api-key": "any", "anthropic-beta": "a,b"}
    path = f"{MESSAGES}?beta=true"
    assert asked.client.post(path, json=HELLO | harmless, headers=headers).status_code == 200


def test_a_message_of_the_system_may_come_later(asked: Asked) -> None:
    submitted(asked, HELLO | {"messages": [*USER, {"role": "system", "content": "Be short."}]})
    assert asked.session.chats[0].messages[1] == Message("system", "Be short.")


def test_a_message_of_very_many_blocks_is_put_together_at_once() -> None:
    count = 100_000
    blocks: list[Block] = [Text(text="x" * 80)] * count
    began_s = time.thread_time()
    (message,) = to_messages(None, [AskedMessage(role="user", content=blocks)])
    assert time.thread_time() - began_s < 5  # with a copy for each block: minutes
    assert len(message.content) == 81 * count - 1


def test_an_answer_in_two_messages_is_one(asked: Asked) -> None:
    parts = [assistant({"type": "text", "text": "I "}), {"role": "assistant", "content": "am"}]
    submitted(asked, HELLO | {"messages": [*USER, *parts]})
    assert asked.session.chats[0].messages[-1] == Message("assistant", "I am")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"temprature": 1}, "temprature"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": 1.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [""]}, "stop_sequences"),
        ({"stop_sequences": ["x"] * 17}, "stop_sequences"),
        ({"stream": 1}, "stream"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"speed": "fast"}, "speed"),
        ({"container": "c"}, "container"),
        (
            {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            "context_management.edits[0].type",
        ),
        (
            {"context_management": {"edits": [CLEAR_THINKING | {"keep": "none"}]}},
            "context_management.edits[0].keep",
        ),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"system": 1}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 16}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        ({"output_config": {"effort": "tiny"}}, "output_config.effort"),
        ({"output_config": {"task_budget": {}}}, "output_config.task_budget"),
        ({"output_format": {"type": "text"}}, "output_format.type"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"tools": [{"type": "web_search_20250305", "name": "s"}]}, "tools[0].type"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"name": "a b", "input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "a"}]}, "tools[0].input_schema"),
        ({"tools": [TOOL | {"defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [1]}, "tools[0]"),
        ({"tools": 1}, "tools"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [user({"type": "text"})]}, "messages[0].content[0].text"),
        ({"messages": [user({"type": "server_tool_use"})]}, "messages[0].content[0].type"),
        ({"messages": [user({"text": "x"})]}, "messages[0].content[0].type"),
        ({"messages": [user(use())]}, "messages[0].content[0]"),
        ({"messages": [user(result())]}, "messages[0].content[0].tool_use_id"),
        ({"messages": [assistant(result())]}, "messages[0].content[0]"),
        ({"messages": [*USER, assistant(use())]}, "messages"),
        (
            {"messages": [*USER, assistant(use()), user(result(content=[{"type": "video"}]))]},
            "messages[2].content[0].content[0].type",
        ),
    ],
)
def test_a_wrong_parameter_is_named(asked: Asked, change: dict[str, Any], name: str) -> None:
    assert f"'{name}'" in refusal(asked.post(MESSAGES, HELLO | change))
    assert not asked.session.submitted


def test_the_limit_must_be_there(asked: Asked) -> None:
    assert "'max_tokens'" in refusal(asked.post(MESSAGES, {"messages": USER}))


@pytest.mark.parametrize("kind", ["image", "document"])
@pytest.mark.parametrize("is_result", [False, True])
def test_a_missing_modality_is_named(asked: Asked, kind: str, is_result: bool) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    block = {"type": kind, "source": source}
    given = [*USER, assistant(use()), user(result(content=[block]))] if is_result else [user(block)]
    reply = asked.post(MESSAGES, HELLO | {"messages": given})
    assert f"no {kind}s" in refusal(reply, 501)
    assert reply.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", [MESSAGES, COUNT])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000])
def test_a_body_that_is_no_object_is_refused(client: TestClient, path: str, body: bytes) -> None:
    refusal(client.post(path, content=body))


def test_a_body_that_is_too_long_is_refused_while_it_arrives(client: TestClient) -> None:
    pieces = (b" " * (1 << 20) for _ in range((MAX_BODY_BYTES >> 20) + 1))
    refusal(client.post(MESSAGES, content=pieces), 413, "request_too_large")


def test_another_method_is_refused_in_the_same_shape(client: TestClient) -> None:
    refusal(client.get(MESSAGES), 405)


def test_while_the_model_loads(loading_client: TestClient) -> None:
    reply = loading_client.post(MESSAGES, json=HELLO)
    refusal(reply, 503, "overloaded_error")
    assert reply.headers["retry-after"] == "1"


def test_a_prompt_beyond_the_context_is_a_plain_error(client: TestClient) -> None:
    long = {"messages": [{"role": "user", "content": "x" * 600}], "stream": True}
    refusal(client.post(MESSAGES, json=HELLO | long))
