"""Anthropic's messages: bytes on the wire."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Part, Reasoning
from llamapack_runtime.chat.types import (
    AnswerFormat,
    Chat,
    Message,
    NamedTool,
    Thinking,
    Tool,
    ToolCall,
)
from llamapack_runtime.engine.types import (
    Failed,
    Finished,
    PromptProgress,
    Queued,
    TextDelta,
)
from runtime.api.prepared import Asked, PreparedSession, deltas

MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"
HELLO: dict[str, Any] = {
    "model": "claude",
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "Hi"}],
}
END = Finished("stop", 26, 20, 3, prompt_s=0.5, completion_s=0.25)
USAGE = (
    '{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":20,'
    '"output_tokens":3,"output_tokens_details":{"thinking_tokens":0}}'
)
MESSAGE = '"id":"msg_ID","type":"message","role":"assistant","model":"test-model"'
START = (
    'event: message_start\ndata: {"type":"message_start","message":{'
    + MESSAGE
    + ',"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,'
    '"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}'
)
STOP = 'event: message_stop\ndata: {"type":"message_stop"}'
# echo -n Hm | sha256sum | xxd -r -p | base64
SIGNATURE = "2xHbHlw0sik78jH4OyBrSz1PrWsGPGPYzooeiRMGfSQ="

THINKS_AND_CALLS: dict[str, Part] = {
    "h": Reasoning("H"),
    "m": Reasoning("m"),
    "f": CallBegins(0, "call_1", "add"),
    "1": CallArguments(0, '{"a":'),
    "2": CallArguments(0, "1}"),
    "g": CallBegins(1, "call_2", "stop"),
    "3": CallArguments(1, "{}"),
}
TOOL = {
    "name": "add",
    "description": "Adds.",
    "input_schema": {"type": "object"},
    "cache_control": {"type": "ephemeral"},
}


def golden(text: str) -> str:
    """The transcript with what changes from run to run taken out."""
    return re.sub(r"(msg|req)_[0-9a-f]{24}", r"\1_ID", text)


def events(reply: Any) -> list[str]:
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert re.fullmatch("req_[0-9a-f]{24}", reply.headers["request-id"])
    assert reply.text.endswith("\n\n")
    return golden(reply.text).removesuffix("\n\n").split("\n\n")


def event(kind: str, rest: str) -> str:
    return f'event: {kind}\ndata: {{"type":"{kind}",{rest}}}'


def delta(index: int, rest: str) -> str:
    return event("content_block_delta", f'"index":{index},"delta":{{{rest}}}')


def start(index: int, rest: str) -> str:
    return event("content_block_start", f'"index":{index},"content_block":{{{rest}}}')


def stop(index: int) -> str:
    return event("content_block_stop", f'"index":{index}')


def ending(reason: str, sequence: str = "null") -> str:
    how = f'"stop_reason":"{reason}","stop_sequence":{sequence}'
    return event("message_delta", f'"delta":{{{how}}},"usage":{USAGE}')


def test_a_streamed_message_is_this_transcript(service: Service, web_root: Path) -> None:
    session = PreparedSession(Queued(1), PromptProgress(3, 26), *deltas("Yes"), END)
    reply = Asked(service, web_root, session).post(MESSAGES, HELLO | {"stream": True})
    assert events(reply) == [
        START,
        start(0, '"type":"text","text":""'),
        delta(0, '"type":"text_delta","text":"Yes"'),
        stop(0),
        ending("end_turn"),
        STOP,
    ]


def test_a_whole_message_is_this_object(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("Yes"), END)
    reply = Asked(service, web_root, session).post(MESSAGES, HELLO)
    assert golden(reply.text) == (
        f'{{{MESSAGE},"content":[{{"type":"text","text":"Yes"}}],"stop_reason":"end_turn",'
        f'"stop_sequence":null,"usage":{USAGE}}}'
    )
    assert re.fullmatch("req_[0-9a-f]{24}", reply.headers["request-id"])


def test_thinking_and_calls_are_this_transcript(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("hmOf12g3"), END, parts=THINKS_AND_CALLS)
    reply = Asked(service, web_root, session).post(MESSAGES, HELLO | {"stream": True})
    assert events(reply) == [
        START,
        start(0, '"type":"thinking","thinking":"","signature":""'),
        delta(0, '"type":"thinking_delta","thinking":"Hm"'),
        delta(0, f'"type":"signature_delta","signature":"{SIGNATURE}"'),
        stop(0),
        start(1, '"type":"text","text":""'),
        delta(1, '"type":"text_delta","text":"O"'),
        stop(1),
        start(2, '"type":"tool_use","id":"call_1","name":"add","input":{}'),
        delta(2, r'"type":"input_json_delta","partial_json":"{\"a\":1}"'),
        stop(2),
        start(3, '"type":"tool_use","id":"call_2","name":"stop","input":{}'),
        delta(3, '"type":"input_json_delta","partial_json":"{}"'),
        stop(3),
        ending("tool_use"),
        STOP,
    ]


def test_thinking_and_calls_are_in_the_whole_message(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("hmOf12g3"), END, parts=THINKS_AND_CALLS)
    body = Asked(service, web_root, session).post(MESSAGES, HELLO).json()
    assert body["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": SIGNATURE},
        {"type": "text", "text": "O"},
        {"type": "tool_use", "id": "call_1", "name": "add", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_2", "name": "stop", "input": {}},
    ]
    assert body["stop_reason"] == "tool_use"


@pytest.mark.parametrize("stream", [False, True])
def test_omitted_thinking_leaves_its_signature(
    service: Service, web_root: Path, stream: bool
) -> None:
    session = PreparedSession(*deltas("hmO"), END, parts=THINKS_AND_CALLS)
    thinking = {"type": "adaptive", "display": "omitted"}
    asked = Asked(service, web_root, session)
    text = asked.post(MESSAGES, HELLO | {"thinking": thinking, "stream": stream}).text
    assert SIGNATURE in text
    assert "Hm" not in text


def test_a_call_that_is_cut_off_is_left_out_of_the_whole_message(
    service: Service, web_root: Path
) -> None:
    end = Finished("length", 26, 0, 2, 0.5, 0.25)
    session = PreparedSession(*deltas("f1"), end, parts=THINKS_AND_CALLS)
    body = Asked(service, web_root, session).post(MESSAGES, HELLO).json()
    assert (body["content"], body["stop_reason"]) == ([], "max_tokens")


@pytest.mark.parametrize("stream", [False, True])
def test_the_sequence_that_ended_the_answer_is_told(
    service: Service, web_root: Path, stream: bool
) -> None:
    end = Finished("stop", 26, 20, 3, 0.5, 0.25, stop_sequence="END")
    asked = Asked(service, web_root, PreparedSession(*deltas("Yes"), end))
    options = {"stop_sequences": ["END"], "stream": stream}
    text = asked.post(MESSAGES, HELLO | options).text
    assert '"stop_reason":"stop_sequence","stop_sequence":"END"' in text
    assert asked.session.submitted[0][0].stop == ("END",)


def test_a_stop_of_the_template_is_the_end_of_a_turn(service: Service, web_root: Path) -> None:
    end = Finished("stop", 26, 20, 3, 0.5, 0.25, stop_sequence="<|end|>")
    asked = Asked(service, web_root, PreparedSession(*deltas("Yes"), end))
    body = asked.post(MESSAGES, HELLO).json()
    assert (body["stop_reason"], body["stop_sequence"]) == ("end_turn", None)


def test_an_error_after_the_first_text_is_an_event(service: Service, web_root: Path) -> None:
    failed = Failed("The model broke.", 500, "decode_failed")
    asked = Asked(service, web_root, PreparedSession(TextDelta("Y", 1), failed))
    reply = asked.post(MESSAGES, HELLO | {"stream": True})
    error = '"error":{"type":"api_error","message":"The model broke."},"request_id":"req_ID"'
    assert events(reply)[-1] == event("error", error)
    assert reply.headers["request-id"] in reply.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_plain_error(service: Service, web_root: Path, stream: bool) -> None:
    failed = Failed("Too many wait.", 503, "queue_full", retry_after_s=7)
    asked = Asked(service, web_root, PreparedSession(failed))
    reply = asked.post(MESSAGES, HELLO | {"stream": stream})
    assert reply.status_code == 503
    assert golden(reply.text) == (
        '{"type":"error","error":{"type":"overloaded_error","message":"Too many wait."},'
        '"request_id":"req_ID"}'
    )
    assert reply.json()["request_id"] == reply.headers["request-id"]
    assert reply.headers["retry-after"] == "7"


def test_all_kinds_of_blocks_reach_the_chat_core(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession(END))
    cached = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    question = [{"type": "text", "text": "Add."} | cached]
    answer = [
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "thinking", "thinking": "Hm", "signature": "anything"},
        {"type": "text", "text": "I "},
        {"type": "text", "text": "add."},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
        {"type": "tool_use", "id": "toolu_2", "name": "sub", "input": {}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": "no"},
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}],
        },
        {"type": "text", "text": "Go on."},
    ]
    asked.post(
        MESSAGES,
        HELLO
        | {
            "system": [{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be short."}],
            "messages": [
                {"role": "user", "content": "Please"},
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
                {"role": "user", "content": results},
            ],
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": "add", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 8},
            "output_config": {
                "effort": "xhigh",
                "format": {"type": "json_schema", "schema": {"type": "object"}},
            },
        },
    )
    calls = (ToolCall("toolu_1", "add", '{"a":1}'), ToolCall("toolu_2", "sub", "{}"))
    assert asked.session.chats == [
        Chat(
            messages=(
                Message("system", "Be kind.\nBe short."),
                Message("user", "Please\nAdd."),
                Message("assistant", "I add.", reasoning="Hm", tool_calls=calls),
                Message("tool", "Error: no", "sub", tool_call_id="toolu_2"),
                Message("tool", "1\n2", "add", tool_call_id="toolu_1"),
                Message("user", "Go on."),
            ),
            tools=(Tool("add", "Adds.", {"type": "object"}),),
            tool_choice=NamedTool("add"),
            parallel_tool_calls=False,
            format=AnswerFormat("json_schema", {"type": "object"}),
            thinking=Thinking(enabled=True, effort="high", budget=8),
        )
    ]


def test_a_last_assistants_message_is_continued(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession(END))
    begun = [*HELLO["messages"], {"role": "assistant", "content": "I"}]
    asked.post(MESSAGES, HELLO | {"messages": begun})
    assert asked.session.chats[0].continues_last


def test_tokens_are_counted(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession())
    reply = asked.post(COUNT, {"model": "claude", "messages": HELLO["messages"], "tools": [TOOL]})
    assert reply.text == '{"input_tokens":3}'
    assert re.fullmatch("req_[0-9a-f]{24}", reply.headers["request-id"])
    assert not asked.session.submitted


@pytest.mark.parametrize("stream", [False, True])
def test_no_tokens_at_all_read_the_prompt(client: TestClient, stream: bool) -> None:
    reply = client.post(MESSAGES, json=HELLO | {"max_tokens": 0, "stream": stream})
    assert '"stop_reason":"max_tokens"' in reply.text
    assert '"output_tokens":0' in reply.text
    assert "content_block" not in reply.text


def test_the_real_engine_answers(client: TestClient) -> None:
    body = client.post(MESSAGES, json=HELLO | {"max_tokens": 3}).json()
    assert body["content"] == [{"type": "text", "text": "Hel"}]
    assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("max_tokens", 3)
    frames = events(client.post(MESSAGES, json=HELLO | {"stream": True}))
    pieces = [json.loads(frame.partition("data: ")[2]) for frame in frames]
    texts = [one["delta"]["text"] for one in pieces if one["type"] == "content_block_delta"]
    assert "".join(texts) == "Hello!"
