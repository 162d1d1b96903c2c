"""Ollama's chat and generate: bytes on the wire."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import ByteTokenizer
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.parts import (
    CallArguments,
    CallBegins,
    Part,
    Reasoning,
)
from llamapack_runtime.chat.types import AnswerFormat, Chat, Message, Thinking, Tool, ToolCall
from llamapack_runtime.engine.types import (
    Candidate,
    Failed,
    Finished,
    PromptProgress,
    Queued,
    SampledToken,
    TextDelta,
)
from runtime.api.prepared import Asked, PreparedSession, deltas

CHAT, GENERATE = "/api/chat", "/api/generate"
HELLO: dict[str, Any] = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hi"}]}
PROMPT = {"model": "llama3.2", "prompt": "Hi"}
END = Finished("stop", 26, 20, 3, prompt_s=0.5, completion_s=0.25)
MEASURES = (
    '"total_duration":0,"load_duration":0,"prompt_eval_count":26,'
    '"prompt_eval_duration":500000000,"eval_count":3,"eval_duration":250000000'
)
HEAD = '{"model":"llama3.2","created_at":"T",'


def golden(text: str) -> str:
    """The transcript with what changes from run to run taken out."""
    text = re.sub(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"', '"T"', text)
    return re.sub(r'"total_duration":\d+', '"total_duration":0', text)


def lines(reply: Any) -> list[str]:
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.text.endswith("\n")
    return golden(reply.text).removesuffix("\n").split("\n")


def test_a_streamed_chat_is_this_transcript(service: Service, web_root: Path) -> None:
    session = PreparedSession(Queued(1), PromptProgress(3, 26), *deltas("Yes"), END)
    reply = Asked(service, web_root, session).post(CHAT, HELLO)
    assert lines(reply) == [
        HEAD + '"message":{"role":"assistant","content":"Yes"},"done":false}',
        HEAD + '"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",'
        f"{MEASURES}}}",
    ]


def test_a_whole_chat_is_this_object(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("Yes"), END)
    reply = Asked(service, web_root, session).post(CHAT, HELLO | {"stream": False})
    assert reply.headers["content-type"] == "application/json"
    assert golden(reply.text) == (
        HEAD + '"message":{"role":"assistant","content":"Yes"},"done":true,"done_reason":"stop",'
        f"{MEASURES}}}"
    )


def test_a_streamed_generation_is_this_transcript(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("No"), END)
    reply = Asked(service, web_root, session).post(GENERATE, PROMPT)
    assert lines(reply) == [
        HEAD + '"response":"No","done":false}',
        HEAD + '"response":"","done":true,"done_reason":"stop","context":[1,2,3,101,102],'
        f"{MEASURES}}}",
    ]


def test_a_whole_generation_is_this_object(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("No"), END)
    reply = Asked(service, web_root, session).post(GENERATE, PROMPT | {"stream": False})
    assert golden(reply.text) == (
        HEAD + '"response":"No","done":true,"done_reason":"stop","context":[1,2,3,101,102],'
        f"{MEASURES}}}"
    )


THINKS_AND_CALLS: dict[str, Part] = {
    "t": Reasoning("Hm"),
    "f": CallBegins(0, "call00000", "add"),
    "1": CallArguments(0, '{"a":'),
    "2": CallArguments(0, "1}"),
    "g": CallBegins(1, "call00001", "stop"),
    "3": CallArguments(1, "{}"),
}
FIRST_CALL = '{"id":"call00000","function":{"index":0,"name":"add","arguments":{"a":1}}}'
SECOND_CALL = '{"id":"call00001","function":{"index":1,"name":"stop","arguments":{}}}'


def test_thinking_and_calls_are_this_transcript(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("tO"), *deltas("f12g3"), END, parts=THINKS_AND_CALLS)
    reply = Asked(service, web_root, session).post(CHAT, HELLO)
    assert lines(reply)[:-1] == [
        HEAD + '"message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}',
        HEAD + '"message":{"role":"assistant","content":"O"},"done":false}',
        HEAD + f'"message":{{"role":"assistant","content":"","tool_calls":[{FIRST_CALL}]}},'
        '"done":false}',
        HEAD + f'"message":{{"role":"assistant","content":"","tool_calls":[{SECOND_CALL}]}},'
        '"done":false}',
    ]
    assert '"done":true,"done_reason":"stop"' in lines(reply)[-1]


def test_thinking_and_calls_are_in_the_whole_message(service: Service, web_root: Path) -> None:
    session = PreparedSession(*deltas("tOf12g3"), END, parts=THINKS_AND_CALLS)
    reply = Asked(service, web_root, session).post(CHAT, HELLO | {"stream": False})
    assert golden(reply.text).startswith(
        HEAD + '"message":{"role":"assistant","content":"O","thinking":"Hm","tool_calls":'
        f"[{FIRST_CALL},{SECOND_CALL}]}},"
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_is_cut_off_is_left_out(service: Service, web_root: Path, stream: bool) -> None:
    end = Finished("length", 26, 0, 2, 0.5, 0.25)
    session = PreparedSession(*deltas("f1"), end, parts=THINKS_AND_CALLS)
    reply = Asked(service, web_root, session).post(CHAT, HELLO | {"stream": stream})
    assert "tool_calls" not in reply.text
    assert '"done_reason":"length"' in reply.text


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_go_with_their_tokens(
    service: Service, web_root: Path, stream: bool
) -> None:
    yes, no = Candidate(7, b"Y", -0.5), Candidate(8, b"\xff", -1.5)
    events = (TextDelta("Y", 1, (SampledToken(7, yes, (yes, no)),)), END)
    asked = Asked(service, web_root, PreparedSession(*events))
    options = {"logprobs": True, "top_logprobs": 2, "stream": stream}
    reply = asked.post(CHAT, HELLO | options)
    listed = '{"token":"Y","logprob":-0.5,"bytes":[89]'
    other = '{"token":"\N{REPLACEMENT CHARACTER}","logprob":-1.5,"bytes":[255]}'
    expected = f'"logprobs":[{listed},"top_logprobs":[{listed}}},{other}]}}]'
    assert reply.text.count(expected) == 1
    assert reply.text.count("logprobs") == 2
    assert asked.session.submitted[0][0].n_probs == 2


def test_an_error_after_the_first_text_is_a_line(service: Service, web_root: Path) -> None:
    failed = Failed("The model broke.", 500, "decode_failed")
    asked = Asked(service, web_root, PreparedSession(TextDelta("Y", 1), failed))
    assert lines(asked.post(CHAT, HELLO))[-1] == '{"error":"The model broke."}'


@pytest.mark.parametrize("path", [CHAT, GENERATE])
def test_a_refusal_is_a_plain_error(service: Service, web_root: Path, path: str) -> None:
    failed = Failed("Too many wait.", 503, "queue_full", retry_after_s=7)
    asked = Asked(service, web_root, PreparedSession(failed))
    reply = asked.post(path, HELLO if path == CHAT else PROMPT)
    assert (reply.status_code, reply.json()) == (503, {"error": "Too many wait."})
    assert reply.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("path", "empty"),
    [(CHAT, '"message":{"role":"assistant","content":""}'), (GENERATE, '"response":""')],
)
@pytest.mark.parametrize(
    ("keep_alive", "reason"),
    [(None, "load"), ("5m", "load"), (-1, "load"), (0, "unload"), ("0s", "unload")],
)
def test_a_request_without_a_question_asks_for_the_model(
    service: Service, web_root: Path, path: str, empty: str, keep_alive: object, reason: str
) -> None:
    asked = Asked(service, web_root, PreparedSession())
    reply = asked.post(path, {"model": "llama3.2", "keep_alive": keep_alive})
    assert golden(reply.text) == HEAD + f'{empty},"done":true,"done_reason":"{reason}"}}'
    assert not asked.session.submitted


def test_messages_reach_the_chat_core(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession(END))
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    other = {"function": {"name": "sub", "arguments": {}}}
    asked.post(
        CHAT,
        {
            "messages": [
                {"role": "System", "content": "Be kind."},
                {"role": "user", "content": "Add."},
                {
                    "role": "assistant",
                    "content": "",
                    "thinking": "Hm",
                    "tool_calls": [call, other],
                },
                {"role": "tool", "content": "2", "tool_name": "sub"},
                {"role": "tool", "content": "1"},
            ],
            "tools": [{"type": "function", "function": {"name": "add", "description": "Adds."}}],
            "format": {"type": "object"},
            "think": "high",
        },
    )
    calls = (ToolCall("call00000", "add", '{"a":1}'), ToolCall("call00001", "sub", "{}"))
    assert asked.session.chats == [
        Chat(
            messages=(
                Message("system", "Be kind."),
                Message("user", "Add."),
                Message("assistant", "", reasoning="Hm", tool_calls=calls),
                Message("tool", "2", "sub", tool_call_id="call00001"),
                Message("tool", "1", "add", tool_call_id="call00000"),
            ),
            tools=(Tool("add", "Adds."),),
            format=AnswerFormat("json_schema", {"type": "object"}),
            thinking=Thinking(enabled=True, effort="high"),
        )
    ]


def test_a_last_assistants_message_is_continued(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession(END))
    asked.post(CHAT, {"messages": [*HELLO["messages"], {"role": "assistant", "content": "I"}]})
    assert asked.session.chats[0].continues_last


def test_a_generation_is_a_chat_of_one_message(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession(END))
    asked.post(GENERATE, PROMPT | {"system": "Be kind.", "format": "json", "think": False})
    assert asked.session.chats == [
        Chat(
            (Message("system", "Be kind."), Message("user", "Hi")),
            format=AnswerFormat("json_object"),
            thinking=Thinking(enabled=False),
        )
    ]


def test_a_raw_prompt_is_taken_as_it_is(service: Service, web_root: Path) -> None:
    asked = Asked(service, web_root, PreparedSession(END))
    reply = asked.post(GENERATE, PROMPT | {"raw": True})
    assert asked.session.submitted[0][0].prompt_tokens == (ByteTokenizer.BOS, *b"Hi")
    assert "context" not in lines(reply)[-1]


def test_the_context_of_a_reply_goes_before_the_next_prompt(
    service: Service, web_root: Path
) -> None:
    asked = Asked(service, web_root, PreparedSession(*deltas("No"), END))
    context = asked.post(GENERATE, PROMPT | {"stream": False}).json()["context"]
    asked.post(GENERATE, PROMPT | {"context": context})
    assert asked.session.submitted[1][0].prompt_tokens == (1, 2, 3, 101, 102, 1, 2, 3)


def test_the_real_engine_answers(client: TestClient) -> None:
    reply = client.post(CHAT, json=HELLO | {"options": {"num_predict": 3}})
    pieces = [json.loads(line) for line in lines(reply)]
    assert "".join(piece["message"]["content"] for piece in pieces) == "Hel"
    assert pieces[-1]["done_reason"] == "length"
    assert pieces[-1]["eval_count"] == 3
