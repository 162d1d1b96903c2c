"""What is streamed joins to what is answered at once, in Ollama's and Anthropic's shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Part, Reasoning
from llamapack_runtime.engine.types import Finished
from runtime.api.prepared import Asked, PreparedSession, deltas

PARTS: dict[str, Part] = {
    "h": Reasoning("Hm, "),
    "m": Reasoning("so."),
    "f": CallBegins(0, "call_1", "add"),
    "1": CallArguments(0, '{"a":'),
    "2": CallArguments(0, '[1, "é"]}'),
    "g": CallBegins(1, "call_2", "stop"),
    "3": CallArguments(1, "{}"),
}
SCRIPTS = ["", "Yes", "hm", "hmYes", "f12", "f12g3", "hmf12", "Yesf12g3", "hhmmYYf12g3"]
QUESTION: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(params=SCRIPTS)
def asked(request: pytest.FixtureRequest, service: Service, web_root: Path) -> Asked:
    text: str = request.param
    end = Finished("stop", 3, 0, len(text), 0.5, 0.25)
    return Asked(service, web_root, PreparedSession(*deltas(text), end, parts=PARTS))


def test_a_chat(asked: Asked) -> None:
    whole = asked.post("/api/chat", QUESTION | {"stream": False}).json()
    lines = asked.post("/api/chat", QUESTION).text.splitlines()
    pieces = [json.loads(line)["message"] for line in lines]
    assert all(piece["role"] == "assistant" for piece in pieces)
    message = {"role": "assistant", "content": "".join(piece["content"] for piece in pieces)}
    thinking = "".join(piece.get("thinking", "") for piece in pieces)
    calls = [call for piece in pieces for call in piece.get("tool_calls", ())]
    if thinking:
        message["thinking"] = thinking
    assert whole["message"] == message | ({"tool_calls": calls} if calls else {})


def test_a_message(asked: Asked) -> None:
    body = QUESTION | {"max_tokens": 99}
    whole = asked.post("/v1/messages", body).json()
    frames = asked.post("/v1/messages", body | {"stream": True}).text.split("\n\n")
    events = [json.loads(frame.partition("data: ")[2]) for frame in frames if frame]
    message: dict[str, Any] = {}
    for event in events:
        _grow(message, event)
    assert message | {"id": whole["id"]} == whole


def _grow(message: dict[str, Any], event: dict[str, Any]) -> None:
    """As Anthropic's own client puts a message together."""
    match event["type"]:
        case "message_start":
            message |= event["message"]
        case "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append(event["content_block"] | {"pieces": ""})
        case "content_block_delta":
            _extend(message["content"][event["index"]], event["delta"])
        case "content_block_stop":
            block = message["content"][event["index"]]
            pieces = block.pop("pieces")
            if block["type"] == "tool_use":
                block["input"] = json.loads(pieces)
        case "message_delta":
            message |= event["delta"] | {"usage": event["usage"]}


def _extend(block: dict[str, Any], delta: dict[str, Any]) -> None:
    name = delta["type"].removesuffix("_delta")
    if name == "input_json":
        block["pieces"] += delta["partial_json"]
    else:
        block[name] += delta[name]
