"""Whatever an answer is made of, its streamed pieces join to the whole one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamapack_runtime.api.service import Service
from runtime.api.clients import client_of
from runtime.api.spoken import SpokenSession, spoken
from runtime.api.wire import chunks

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


@st.composite
def answers(draw: st.DrawFn) -> list[str]:
    """Reasoning, words, then calls, in pieces, as models do it; any of them may be missing."""
    lines = [f"think {text}" for text in draw(st.lists(TEXTS, max_size=3))]
    lines += [f"say {text}" for text in draw(st.lists(TEXTS, max_size=3))]
    for index in range(draw(st.integers(0, 3))):
        lines.append(f"call {index} call_{index} f{index}")
        lines += [f"with {index} {text}" for text in draw(st.lists(TEXTS, max_size=3))]
    return lines


def joined(deltas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """As clients put a message together."""
    message: dict[str, Any] = {"content": "", "reasoning": "", "calls": []}
    for delta in deltas:
        message["content"] += delta.get("content") or ""
        message["reasoning"] += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                assert call["index"] == len(message["calls"])
                message["calls"].append([call["id"], call["function"]["name"], ""])
            message["calls"][call["index"]][2] += call["function"]["arguments"]
    return message


def whole(message: dict[str, Any]) -> dict[str, Any]:
    calls = [
        [call["id"], call["function"]["name"], call["function"]["arguments"]]
        for call in message.get("tool_calls", ())
    ]
    content, reasoning = message["content"] or "", message.get("reasoning_content") or ""
    return {"content": content, "reasoning": reasoning, "calls": calls}


FEW = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}


@FEW
@given(answers())
def test_chat(ready: Service, web_root: Path, lines: list[str]) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken(*lines)))
    once = client.post("/v1/chat/completions", json=ASKED).json()["choices"][0]
    stream = chunks(client.post("/v1/chat/completions", json=ASKED | {"stream": True}).text)
    assert joined([chunk["choices"][0]["delta"] for chunk in stream]) == whole(once["message"])
    assert stream[-1]["choices"][0]["finish_reason"] == once["finish_reason"]


def without_ids(text: str) -> str:
    text = re.sub(r'"((?:resp|msg|fc|rs)_)[0-9a-f]{48}"', r'"\1"', text)
    return re.sub(r'"(created_at|completed_at)": ?\d+', r'"\1":0', text)


@FEW
@given(answers())
def test_responses(ready: Service, web_root: Path, lines: list[str]) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken(*lines)))
    once = client.post("/v1/responses", json={"input": "Hi"})
    stream = client.post("/v1/responses", json={"input": "Hi", "stream": True})
    frames = stream.text.removesuffix("\n\n").split("\n\n")
    events = [json.loads(frame.split("\n")[1].removeprefix("data: ")) for frame in frames]
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    body = json.loads(without_ids(once.text))
    assert json.loads(without_ids(json.dumps(events[-1]["response"]))) == body
    # Each item is what was told of it, piece by piece.
    output = events[-1]["response"]["output"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == output
    for index, item in enumerate(output):
        own = [event for event in events if event.get("output_index") == index]
        pieces = "".join(event["delta"] for event in own if event["type"].endswith(".delta"))
        text = item["arguments"] if "arguments" in item else item["content"][0]["text"]
        assert pieces == text
        assert {event["item_id"] for event in own if "item_id" in event} == {item["id"]}
