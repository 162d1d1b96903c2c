"""What the chat core refuses is told by the name that the client's dialect has for it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

MESSAGES = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
THINKS = {"chat_template_kwargs": {"enable_thinking": True}}
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, {"regex": "("}, "regex"),
        (CHAT, {"guided_regex": "("}, "guided_regex"),
        (CHAT, {"grammar": "root ::= ("}, "grammar"),
        (CHAT, {"json_schema": {"type": "nonsense"}}, "json_schema"),
        (CHAT, {"structured_outputs": {"regex": "("}}, "structured_outputs.regex"),
        (
            CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "x"}}}},
            "response_format",
        ),
        (CHAT, {"tools": [TOOL]}, "tools"),
        (CHAT, THINKS, "chat_template_kwargs.enable_thinking"),
        (CHAT, {"chat_template_kwargs": {"bos_token": "x"}}, "chat_template_kwargs"),
        ("/apply-template", THINKS, "chat_template_kwargs.enable_thinking"),
        ("/completion", {"messages": None, "prompt": "x", "grammar": "root ::= ("}, "grammar"),
        ("/v1/completions", {"messages": None, "prompt": "x", "regex": "("}, "regex"),
        (
            "/v1/responses",
            {
                "messages": None,
                "input": "x",
                "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "x"}}},
            },
            "text.format.schema",
        ),
    ],
)
def test_an_error_names_the_parameter(
    client: TestClient, path: str, body: dict[str, Any], param: str
) -> None:
    asked = {name: value for name, value in ({"messages": MESSAGES} | body).items() if value}
    reply = client.post(path, json=asked)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"].get("param") == param, reply.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"reasoning_effort": "high"}),
        (CHAT, {"reasoning_budget": 5}),
        (CHAT, {"thinking_budget_tokens": 5}),
        (CHAT, {"verbosity": "low"}),
        ("/v1/messages", {"max_tokens": 9, "output_config": {"effort": "high"}}),
        ("/v1/messages", {"max_tokens": 9, "thinking": {"type": "adaptive"}}),
        ("/api/chat", {"think": False, "stream": False}),
    ],
)
def test_hints_of_thinking_are_for_every_model(
    client: TestClient, path: str, body: dict[str, Any]
) -> None:
    reply = client.post(path, json={"messages": MESSAGES, **body})
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, THINKS),
        ("/v1/messages", {"max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 5}}),
        ("/api/chat", {"think": True}),
        ("/api/chat", {"think": "low"}),
    ],
)
def test_a_demand_to_think_is_refused_where_the_model_cannot(
    client: TestClient, path: str, body: dict[str, Any]
) -> None:
    reply = client.post(path, json={"messages": MESSAGES, **body})
    assert reply.status_code == 400
    assert "does not think" in reply.text
    assert "'thinking'" not in reply.text
