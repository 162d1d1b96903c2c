"""OpenAI's responses: the object, the stream's transcript, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.openai.responses.requests import NEUTRAL
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.types import AnswerFormat, Chat, Message, NamedTool, Thinking, Tool
from llamapack_runtime.engine.types import Candidate, Failed, SampledToken, TextDelta
from runtime.api.clients import client_of
from runtime.api.spoken import SpokenSession, spoken

PATH = "/v1/responses"
HELLO = {"input": "Hi"}
ADD = {"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": True}
CALLS = ("think a", "think b", "say So", "say :", "call 0 call_a add", 'with 0 {"a":', "with 0 1}")

_IDS = re.compile(r'"(resp|msg|fc|rs|fco)_[0-9a-f]{48}"')
_TIMES = re.compile(r'"(created_at|completed_at)":\d+')


def events(text: str) -> list[tuple[str, Any]]:
    """The name and the data of each event, without ids and times."""
    found = []
    for frame in _TIMES.sub(r'"\1":0', _IDS.sub(r'"\1"', text)).removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        assert data.startswith("data: ")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def brief(text: str) -> list[str]:
    """Each event in a line; the responses and what all events have are left out."""
    lines = []
    for number, (name, data) in enumerate(events(text)):
        assert (data.pop("type"), data.pop("sequence_number")) == (name, number)
        data.pop("response", None)
        words = json.dumps(data, separators=(",", ":"))
        lines.append(f"{name.removeprefix('response.')} {words}")
    return lines


def test_a_stream_is_this_transcript(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken(*CALLS)))
    reply = client.post(PATH, json=HELLO | {"stream": True, "tools": [ADD]})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    first = '"output_index":0,"item_id":"rs","content_index":0'
    second = '"output_index":1,"item_id":"msg","content_index":0'
    third = '"output_index":2,"item_id":"fc"'
    part = '{"type":"output_text","text":"%s","annotations":[],"logprobs":[]}'
    call = (
        '{"id":"fc","type":"function_call","status":"%s","call_id":"call_a","name":"add",'
        '"arguments":"%s"}'
    )
    assert brief(reply.text) == [
        "created {}",
        "in_progress {}",
        (
            'output_item.added {"output_index":0,"item":{"id":"rs","type":"reasoning",'
            '"status":"in_progress","summary":[],"content":[]}}'
        ),
        f'content_part.added {{{first},"part":{{"type":"reasoning_text","text":""}}}}',
        f'reasoning_text.delta {{{first},"delta":"ab"}}',
        f'reasoning_text.done {{{first},"text":"ab"}}',
        f'content_part.done {{{first},"part":{{"type":"reasoning_text","text":"ab"}}}}',
        (
            'output_item.done {"output_index":0,"item":{"id":"rs","type":"reasoning",'
            '"status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"ab"}]}}'
        ),
        (
            'output_item.added {"output_index":1,"item":{"id":"msg","type":"message",'
            '"status":"in_progress","role":"assistant","content":[]}}'
        ),
        f'content_part.added {{{second},"part":{part % ""}}}',
        f'output_text.delta {{{second},"delta":"So:","logprobs":[]}}',
        f'output_text.done {{{second},"text":"So:","logprobs":[]}}',
        f'content_part.done {{{second},"part":{part % "So:"}}}',
        (
            'output_item.done {"output_index":1,"item":{"id":"msg","type":"message",'
            f'"status":"completed","role":"assistant","content":[{part % "So:"}]}}}}'
        ),
        f'output_item.added {{"output_index":2,"item":{call % ("in_progress", "")}}}',
        f'function_call_arguments.delta {{{third},"delta":"{{\\"a\\":1}}"}}',
        f'function_call_arguments.done {{{third},"name":"add","arguments":"{{\\"a\\":1}}"}}',
        f'output_item.done {{"output_index":2,"item":{call % ("completed", _ESCAPED)}}}',
        "completed {}",
    ]


_ESCAPED = '{\\"a\\":1}'


def plain(value: Any) -> Any:
    text = json.dumps(value, separators=(",", ":"))
    return json.loads(_TIMES.sub(r'"\1":0', _IDS.sub(r'"\1"', text)))


def test_the_whole_object_is_what_the_stream_ends_with(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken(*CALLS)))
    asked = HELLO | {"tools": [ADD], "instructions": "Be kind.", "metadata": {"a": "b"}}
    whole = client.post(PATH, json=asked).json()
    name, last = events(client.post(PATH, json=asked | {"stream": True}).text)[-1]
    assert name == "response.completed"
    assert last["response"] == plain(whole)
    assert whole["status"] == "completed"
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message", "function_call"]
    assert whole["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 12,
    }
    assert (whole["instructions"], whole["metadata"]) == ("Be kind.", {"a": "b"})
    assert whole["tools"][0]["name"] == "add"


def test_the_beginning_is_told_with_everything_that_was_asked_for(
    ready: Service, web_root: Path
) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken("say Hello")))
    asked = HELLO | {"stream": True, "temperature": 0.5, "max_output_tokens": 9}
    created = events(client.post(PATH, json=asked).text)[0][1]["response"]
    assert (created["status"], created["output"], created["usage"]) == ("in_progress", [], None)
    assert (created["temperature"], created["max_output_tokens"]) == (0.5, 9)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_cut_off_is_incomplete(
    ready: Service, web_root: Path, stream: bool
) -> None:
    session = SpokenSession(*spoken("say Hel", reason="length"))
    reply = client_of(ready, web_root, session).post(
        PATH, json=HELLO | {"stream": stream, "max_output_tokens": 1}
    )
    if stream:
        name, data = events(reply.text)[-1]
        assert name == "response.incomplete"
        body = data["response"]
    else:
        body = reply.json()
    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}
    assert body["output"][0]["status"] == "incomplete"
    assert body["completed_at"] is None
    assert session.submitted[0][0].max_tokens == 1


def test_a_failure_within_the_stream_is_its_last_event(ready: Service, web_root: Path) -> None:
    session = SpokenSession(TextDelta("say He", 1), Failed("It broke.", 500, "broken"))
    client = client_of(ready, web_root, session)
    name, data = events(client.post(PATH, json=HELLO | {"stream": True}).text)[-1]
    assert name == "response.failed"
    assert data["response"]["status"] == "failed"
    assert data["response"]["error"] == {"code": "server_error", "message": "It broke."}
    assert data["response"]["output"][0]["content"][0]["text"] == "He"
    whole = client.post(PATH, json=HELLO)
    assert (whole.status_code, whole.json()["error"]["code"]) == (500, "broken")


def test_reasoning_is_told_as_a_summary_when_one_is_asked_for(
    ready: Service, web_root: Path
) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken("think a", "say b")))
    asked = HELLO | {"stream": True, "reasoning": {"summary": "auto"}}
    lines = brief(client.post(PATH, json=asked).text)
    place = '"output_index":0,"item_id":"rs","summary_index":0'
    assert lines[3:8] == [
        f'reasoning_summary_part.added {{{place},"part":{{"type":"summary_text","text":""}}}}',
        f'reasoning_summary_text.delta {{{place},"delta":"a"}}',
        f'reasoning_summary_text.done {{{place},"text":"a"}}',
        f'reasoning_summary_part.done {{{place},"part":{{"type":"summary_text","text":"a"}}}}',
        (
            'output_item.done {"output_index":0,"item":{"id":"rs","type":"reasoning",'
            '"status":"completed","summary":[{"type":"summary_text","text":"a"}],"content":[]}}'
        ),
    ]


def test_probabilities_come_with_the_words(ready: Service, web_root: Path) -> None:
    def token(number: int) -> SampledToken:
        chosen = Candidate(number, bytes([number]), -0.5)
        return SampledToken(number, chosen, (chosen,))

    events_ = [
        TextDelta("say é", 2, (token(98), token(99))),
        spoken("", "")[-1],
    ]
    session = SpokenSession(*events_)
    asked = HELLO | {"top_logprobs": 1, "include": ["message.output_text.logprobs"]}
    client = client_of(ready, web_root, session)
    body = client.post(PATH, json=asked).json()
    assert session.submitted[0][0].n_probs == 1
    assert body["top_logprobs"] == 1
    shown = body["output"][0]["content"][0]["logprobs"]
    assert [one["token"] for one in shown] == ["b", "c"]
    assert shown[0]["top_logprobs"][0]["logprob"] == -0.5
    streamed = events(client.post(PATH, json=asked | {"stream": True}).text)
    (delta,) = [data for name, data in streamed if name == "response.output_text.delta"]
    assert delta["logprobs"] == shown


def asked_of(client: TestClient, session: SpokenSession, **body: object) -> Chat:
    reply = client.post(PATH, json=HELLO | body)
    assert reply.status_code == 200, reply.text
    return session.chats[-1]


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ({"instructions": "Be."}, "messages", (Message("system", "Be."), Message("user", "Hi"))),
        ({"tools": [ADD]}, "tools", (Tool("add", "", {"type": "object"}, True),)),
        (
            {"tools": [ADD], "tool_choice": {"type": "function", "name": "add"}},
            "tool_choice",
            NamedTool("add"),
        ),
        ({"tools": [ADD], "tool_choice": "required"}, "tool_choice", "required"),
        (
            {
                "tools": [ADD, ADD | {"name": "sub"}],
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "name": "add"}],
                },
            },
            "tools",
            (Tool("add", "", {"type": "object"}, True),),
        ),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", False),
        ({"reasoning": {"effort": "low"}}, "thinking", Thinking(effort="low")),
        ({"reasoning": {"effort": "none"}}, "thinking", Thinking(enabled=False)),
        ({"text": {"format": {"type": "text"}}}, "format", None),
        ({"text": {"format": {"type": "json_object"}}}, "format", AnswerFormat("json_object")),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "array"}}}},
            "format",
            AnswerFormat("json_schema", {"type": "array"}),
        ),
        ({"grammar": 'root ::= "a"'}, "format", AnswerFormat("gbnf", 'root ::= "a"')),
    ],
)
def test_what_is_asked_for_arrives(
    ready: Service, web_root: Path, body: dict[str, object], field: str, expected: object
) -> None:
    session = SpokenSession(*spoken("say Hello"))
    client = client_of(ready, web_root, session)
    assert getattr(asked_of(client, session, **body), field) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": None}, "input"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [ADD | {"x": 1}]}, "tools[0].x"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_object"}}, "regex": "a"}, "text.format"),
        ({"text": {"formats": 1}}, "text.formats"),
        ({"reasoning": {"summary": "concise"}}, "reasoning.summary"),
        ({"reasoning": {"effort": "xhigh"}}, "reasoning.effort"),
        ({"include": ["everything"]}, "include[0]"),
        ({"truncation": "middle"}, "truncation"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"n": 2}, "n"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
        ({"messages": []}, "messages"),
        *(({name: {"asks": "for it"}}, name) for name in sorted(NEUTRAL)),
    ],
)
def test_what_cannot_be_had_is_named(
    ready: Service, web_root: Path, body: dict[str, object], param: str
) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken("say Hello")))
    reply = client.post(PATH, json=HELLO | body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_what_asks_for_nothing_passes(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken("say Hello")))
    for name, values in NEUTRAL.items():
        for value in values:
            assert client.post(PATH, json=HELLO | {name: value}).status_code == 200
    accepted = {"user": "u", "service_tier": "auto", "safety_identifier": "s", "store": False}
    more = {"prompt_cache_key": "k", "include": ["reasoning.encrypted_content"]}
    assert client.post(PATH, json=HELLO | accepted | more).status_code == 200
