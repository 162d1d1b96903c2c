"""Golden transcripts of chat's streams: reasoning, tool calls, probabilities, progress."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from llamapack_runtime.api.service import Service
from llamapack_runtime.engine.types import (
    Candidate,
    Event,
    PromptProgress,
    Queued,
    SampledToken,
    TextDelta,
)
from runtime.api.clients import client_of
from runtime.api.spoken import SpokenSession, spoken
from runtime.api.wire import choices, chunks

CHAT = "/v1/chat/completions"
HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}]}
TOOLS = {"tools": [{"type": "function", "function": {"name": name}} for name in ("add", "now")]}
FUNCTIONS = {"functions": [{"name": "add"}]}
CALLS = (
    "think two",
    "think  calls",
    "call 0 call_a add",
    'with 0 {"a":',
    "with 0 1}",
    "call 1 call_b now",
    "with 1 {}",
)


def delta(words: str, reason: str = "null", index: int = 0, logprobs: str = "null") -> str:
    return f'[{{"index":{index},"delta":{words},"logprobs":{logprobs},"finish_reason":{reason}}}]'


OPENING = delta('{"role":"assistant","content":""}')
TIMINGS = (
    '"timings":{"cache_n":2,'
    '"prompt_n":3,"prompt_ms":0,"prompt_per_token_ms":0,"prompt_per_second":0,'
    '"predicted_n":%d,"predicted_ms":0,"predicted_per_token_ms":0,"predicted_per_second":0,'
    '"draft_n":0,"draft_n_accepted":0}'
)


def call(words: str) -> str:
    return delta('{"tool_calls":[{' + words + "}]}")


def test_tool_calls_are_this_transcript(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken(*CALLS)))
    reply = client.post(CHAT, json=HELLO | TOOLS | {"stream": True})
    assert choices(reply.text) == [
        OPENING,
        delta('{"reasoning_content":"two calls"}'),
        call('"index":0,"id":"call_a","type":"function","function":{"name":"add","arguments":""}'),
        call('"index":0,"function":{"arguments":"{\\"a\\":1}"}'),
        call('"index":1,"id":"call_b","type":"function","function":{"name":"now","arguments":""}'),
        call('"index":1,"function":{"arguments":"{}"}'),
        delta("{}", '"tool_calls"') + "," + TIMINGS % 7,
    ]


def test_the_same_answer_whole(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken(*CALLS)))
    body = client.post(CHAT, json=HELLO | TOOLS).json()
    assert body["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "reasoning_content": "two calls",
                "tool_calls": [
                    {
                        "id": "call_a",
                        "type": "function",
                        "function": {"name": "add", "arguments": '{"a":1}'},
                    },
                    {
                        "id": "call_b",
                        "type": "function",
                        "function": {"name": "now", "arguments": "{}"},
                    },
                ],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ]
    assert body["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},  # with the one that ends it
    }


@pytest.mark.parametrize("stream", [False, True])
def test_functions_are_answered_in_their_shape(
    ready: Service, web_root: Path, stream: bool
) -> None:
    session = SpokenSession(*spoken("say So:", "call 0 call_a add", 'with 0 {"a":1}'))
    reply = client_of(ready, web_root, session).post(
        CHAT, json=HELLO | FUNCTIONS | {"stream": stream}
    )
    if stream:
        assert choices(reply.text)[1:] == [
            delta('{"content":"So:"}'),
            delta('{"function_call":{"name":"add","arguments":""}}'),
            delta('{"function_call":{"arguments":"{\\"a\\":1}"}}'),
            delta("{}", '"function_call"') + "," + TIMINGS % 3,
        ]
        return
    choice = reply.json()["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": "So:",
        "refusal": None,
        "function_call": {"name": "add", "arguments": '{"a":1}'},
    }
    assert choice["finish_reason"] == "function_call"


def test_an_answer_cut_off_within_a_call_ends_with_length(ready: Service, web_root: Path) -> None:
    events = spoken("call 0 call_a add", "with 0 {", reason="length")
    client = client_of(ready, web_root, SpokenSession(*events))
    assert client.post(CHAT, json=HELLO | TOOLS).json()["choices"][0]["finish_reason"] == "length"


def candidate(token: int, piece: bytes, logprob: float) -> Candidate:
    return Candidate(token, piece, logprob)


LIKELY = (candidate(7, b"H", -0.5), candidate(8, b"J", -math.inf))
SURE = [
    TextDelta("say H", 1, (SampledToken(7, LIKELY[0], LIKELY),)),
    # The first of a letter's two bytes: no text yet.
    TextDelta("say ", 2, (SampledToken(9, candidate(9, b"\xc3", -0.25)),)),
    TextDelta("say é", 3, (SampledToken(10, candidate(10, b"\xa9", 0.0)),)),
    spoken("", "", "")[-1],
]
ENTRIES = [
    (
        '{"id":7,"token":"H","bytes":[72],"logprob":-0.5,"top_logprobs":['
        '{"id":7,"token":"H","bytes":[72],"logprob":-0.5},'
        '{"id":8,"token":"J","bytes":[74],"logprob":-9999.0}]}'
    ),
    '{"id":9,"token":"\ufffd","bytes":[195],"logprob":-0.25,"top_logprobs":[]}',
    '{"id":10,"token":"\ufffd","bytes":[169],"logprob":0.0,"top_logprobs":[]}',
]


def test_probabilities_come_with_their_tokens(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*SURE))
    asked = HELLO | {"logprobs": True, "top_logprobs": 2}
    whole = client.post(CHAT, json=asked).json()["choices"][0]["logprobs"]
    entries = [json.loads(entry) for entry in ENTRIES]
    assert whole == {"content": entries, "refusal": None}
    stream = chunks(client.post(CHAT, json=asked | {"stream": True}).text)
    shown = [choice["logprobs"] for chunk in stream for choice in chunk["choices"]]
    assert [entry for one in shown if one for entry in one["content"]] == entries
    assert shown[0] is None
    assert shown[-1] is None


def test_a_token_without_text_still_has_its_probability(ready: Service, web_root: Path) -> None:
    events: list[Event] = [SURE[1], spoken("")[-1]]
    client = client_of(ready, web_root, SpokenSession(*events))
    asked = HELLO | {"stream": True, "logprobs": True, "return_tokens": True}
    logprobs = '{"content":[' + ENTRIES[1] + '],"refusal":null},"tokens":[9]'
    closing = delta("{}", '"stop"', logprobs='null,"tokens":[]')
    assert choices(client.post(CHAT, json=asked).text)[1:] == [
        delta('{"content":""}', logprobs=logprobs),
        closing + "," + TIMINGS % 1,
    ]


def test_tokens_are_told_when_asked_for(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*SURE))
    body = client.post(CHAT, json=HELLO | {"return_tokens": True}).json()
    assert body["choices"][0]["tokens"] == [7, 9, 10]
    assert body["choices"][0]["logprobs"] is None


def test_reading_the_prompt_is_told_when_asked_for(ready: Service, web_root: Path) -> None:
    events = [Queued(0), PromptProgress(2, 5, 1), PromptProgress(5, 5, 1), *spoken("say Hello")]
    client = client_of(ready, web_root, SpokenSession(*events))
    asked = HELLO | {"stream": True}
    assert "prompt_progress" not in client.post(CHAT, json=asked).text
    told = [
        chunk["prompt_progress"]
        for chunk in chunks(client.post(CHAT, json=asked | {"return_progress": True}).text)
        if "prompt_progress" in chunk
    ]
    assert [{**one, "time_ms": 0} for one in told] == [
        {"total": 5, "cache": 1, "processed": 2, "time_ms": 0},
        {"total": 5, "cache": 1, "processed": 5, "time_ms": 0},
    ]


def test_timings_come_with_every_chunk_when_asked_for(ready: Service, web_root: Path) -> None:
    client = client_of(
        ready, web_root, SpokenSession(PromptProgress(5, 5, 2), *spoken("say Hello"))
    )
    asked = HELLO | {"stream": True, "timings_per_token": True}
    stream = chunks(client.post(CHAT, json=asked).text)
    assert [chunk.get("timings", {}).get("predicted_n") for chunk in stream] == [None, 1, 1]
    assert (stream[1]["timings"]["cache_n"], stream[1]["timings"]["prompt_n"]) == (2, 3)
    assert set(stream[1]["timings"]) == set(stream[2]["timings"])


def test_usage_counts_reasoning(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken("think a", "think b", "say c")))
    body = client.post(CHAT, json=HELLO).json()
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 3}
    stream = chunks(
        client.post(
            CHAT, json=HELLO | {"stream": True, "stream_options": {"include_usage": True}}
        ).text
    )
    assert stream[-1]["usage"] == body["usage"]


def test_reasoning_is_left_in_the_text_when_asked_for(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, SpokenSession(*spoken("think a", " say b")))
    asked = HELLO | {"reasoning_format": "none"}
    message = client.post(CHAT, json=asked).json()["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "think a say b", "refusal": None}
    refusal = client.post(CHAT, json=asked | TOOLS)
    assert (refusal.status_code, refusal.json()["error"]["param"]) == (400, "reasoning_format")
