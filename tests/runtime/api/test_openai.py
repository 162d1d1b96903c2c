"""OpenAI's chat, completion and models: bytes on the wire and refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import FakeModel
from llamapack_runtime.api.body import MAX_BODY_BYTES
from llamapack_runtime.api.openai.requests import CHAT_NEUTRAL, COMPLETION_NEUTRAL
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import DecodeError
from llamapack_runtime.engine.sampling import SamplingParams
from runtime.api.clients import make_client

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}]}
PROMPT: dict[str, object] = {"prompt": "ab"}
ENVELOPE = r'"id":"(?P<prefix>[a-z]+-)[0-9a-f]{24}"'

# The text of a frame that has some.
TEXT = re.compile(r'(?<="content":")[^"]+(?=")|(?<="text":")[^"]+(?=")')


def golden(text: str) -> str:
    """The transcript with what changes from run to run taken out."""
    text = re.sub(ENVELOPE, r'"id":"\g<prefix>ID"', text)
    text = re.sub(r'"created":\d+', '"created":0', text)
    return re.sub(
        r'("(?:(?:prompt|predicted)_(?:ms|per_token_ms|per_second)|draft_n(?:_accepted)?)")'
        r":[0-9.e+-]+",
        r"\1:0",
        text,
    )


def head(name: str, prefix: str) -> str:
    return (
        f'"id":"{prefix}ID","object":"{name}","created":0,"model":"test-model",'
        '"system_fingerprint":"llamapack-1.2.3"'
    )


TIMINGS = (
    '"timings":{"cache_n":0,'
    '"prompt_n":%d,"prompt_ms":0,"prompt_per_token_ms":0,"prompt_per_second":0,'
    '"predicted_n":%d,"predicted_ms":0,"predicted_per_token_ms":0,"predicted_per_second":0,'
    '"draft_n":0,"draft_n_accepted":0}'
)
USAGE = (
    '"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
    '"prompt_tokens_details":{"cached_tokens":0},'
    '"completion_tokens_details":{"reasoning_tokens":0}}'
)


def frames(text: str) -> list[str]:
    assert text.endswith("\n\n")
    return text.removesuffix("\n\n").split("\n\n")


def joined(transcript: list[str]) -> list[str]:
    """With neighbours that differ in their text only made one: text that the engine has ready
    while the frame before it is written goes out together."""
    out: list[str] = []
    for line in transcript:
        before, after = map(TEXT.search, (out[-1] if out else "", line))
        if before and after and TEXT.sub("", out[-1]) == TEXT.sub("", line):
            out[-1] = line[: after.start()] + before[0] + line[after.start() :]
        else:
            out.append(line)
    return out


def refusal(reply: Any) -> tuple[int, str | None, str | None]:
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith(".")
    return reply.status_code, error["param"], error["code"]


def test_a_whole_chat_answer(client: TestClient) -> None:
    reply = client.post(CHAT, json=HELLO)
    assert reply.status_code == 200
    body = reply.json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "test-model"
    assert body["id"].startswith("chatcmpl-")
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = body["usage"]
    assert usage["completion_tokens"] == 7  # six letters and the end
    assert usage["total_tokens"] == usage["prompt_tokens"] + 7
    assert body["timings"]["predicted_n"] == 7


def test_a_streamed_chat_answer_is_this_transcript(client: TestClient) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    reply = client.post(CHAT, json=HELLO | options)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    prompt = client.post(CHAT, json=HELLO).json()["usage"]["prompt_tokens"]
    start = "data: {" + head("chat.completion.chunk", "chatcmpl-")

    def chunk(delta: str, reason: str = "null") -> str:
        return (
            start + ',"choices":[{"index":0,"delta":' + delta + ',"logprobs":null,'
            '"finish_reason":' + reason + "}]"
        )

    timings, usage = TIMINGS % (prompt, 7), USAGE % (prompt, 7, prompt + 7)
    assert joined(frames(golden(reply.text))) == [
        chunk('{"role":"assistant","content":""}') + ',"usage":null}',
        chunk('{"content":"Hello!"}') + ',"usage":null}',
        chunk("{}", '"stop"') + f',{timings},"usage":null}}',
        start + f',"choices":[],{usage},{timings}}}',
        "data: [DONE]",
    ]


def test_a_streamed_completion_is_this_transcript(client: TestClient) -> None:
    reply = client.post(COMPLETION, json={"prompt": "ab", "stream": True, "max_tokens": 2})
    start = "data: {" + head("text_completion", "cmpl-") + ',"choices":[{"index":0,"text":'
    assert joined(frames(golden(reply.text))) == [
        start + '"He","logprobs":null,"finish_reason":null}]}',
        start + '"","logprobs":null,"finish_reason":"length"}],' + TIMINGS % (3, 2) + "}",
        "data: [DONE]",
    ]


def test_a_whole_completion(client: TestClient) -> None:
    body = client.post(COMPLETION, json={"prompt": "ab"}).json()
    assert body["object"] == "text_completion"
    assert body["choices"][0]["text"] == "Hello!"
    assert body["usage"]["prompt_tokens"] == 3  # BOS and two bytes


@pytest.mark.parametrize("prompt", ["ab", ["ab"], [256, 97, 98], [[256, 97, 98]]])
def test_a_prompt_is_text_or_tokens(client: TestClient, prompt: object) -> None:
    assert client.post(COMPLETION, json={"prompt": prompt}).json()["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize(
    "prompt", [[], [1, "a"], [1.5], [-1], [999], "", ["a", 1], [["a"]], ["a"] * 65]
)
def test_a_prompt_that_cannot_be_honoured(
    ready: Service, web_root: Path, make_session: Callable[..., Session], prompt: object
) -> None:
    ready.state = Ready(make_session(adds_bos=False), "")
    reply = make_client(ready, web_root).post(COMPLETION, json={"prompt": prompt})
    assert reply.status_code == 400
    refusal(reply)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_token_limit_ends_an_answer(client: TestClient, name: str) -> None:
    choice = client.post(CHAT, json=HELLO | {name: 3}).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hel", "length")


@pytest.mark.parametrize("stop", ["lo", ["xyz", "lo"]])
def test_a_stop_string_ends_an_answer(client: TestClient, stop: object) -> None:
    choice = client.post(CHAT, json=HELLO | {"stop": stop}).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hel", "stop")


def test_content_may_be_parts(client: TestClient) -> None:
    parts = [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]
    as_parts = client.post(CHAT, json={"messages": [{"role": "user", "content": parts}]})
    as_text = client.post(CHAT, json=HELLO)
    counts = [reply.json()["usage"]["prompt_tokens"] for reply in (as_parts, as_text)]
    assert counts[0] == counts[1]


def test_sampling_reaches_the_engine(ready: Service, web_root: Path) -> None:
    assert isinstance(ready.state, Ready)
    model = ready.state.session.vocabulary
    assert isinstance(model, FakeModel)
    wanted = {
        "temperature": 0.5,
        "top_k": 7,
        "top_p": 0.9,
        "min_p": 0.1,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "repeat_penalty": 1.1,
        "repeat_last_n": 32,
    }
    make_client(ready, web_root).post(CHAT, json=HELLO | wanted | {"seed": 2**32 + 5})
    assert model.samplers[-1].params == SamplingParams(**wanted, seed=5)  # type: ignore[arg-type]


def test_the_packs_defaults_fill_in(ready: Service, web_root: Path) -> None:
    assert isinstance(ready.state, Ready)
    model = ready.state.session.vocabulary
    assert isinstance(model, FakeModel)
    make_client(ready, web_root).post(CHAT, json=HELLO)
    assert model.samplers[-1].params == SamplingParams(temperature=0.0)


NEUTRAL = [
    (path, body, name, values)
    for path, body, table in (
        (CHAT, HELLO, CHAT_NEUTRAL),
        (COMPLETION, PROMPT, COMPLETION_NEUTRAL),
    )
    for name, values in sorted(table.items())
]


@pytest.mark.parametrize(("path", "body", "name", "values"), NEUTRAL)
def test_an_unsupported_parameter_is_named(
    client: TestClient, path: str, body: dict[str, object], name: str, values: tuple[object, ...]
) -> None:
    reply = client.post(path, json=body | {name: {"asks": "for something"}})
    assert refusal(reply) == (400, name, "unsupported_parameter")
    assert name in reply.json()["error"]["message"]
    # What asks for nothing, as clients send it by habit, passes.
    for value in values:
        assert client.post(path, json=body | {name: value}).status_code == 200


def test_what_says_nothing_about_the_answer_passes(client: TestClient) -> None:
    harmless = {
        "user": "u",
        "metadata": {"a": "b"},
        "store": True,
        "service_tier": "auto",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "cache_prompt": True,
        "id_slot": 3,
    }
    assert client.post(CHAT, json=HELLO | harmless | {"verbosity": "low"}).status_code == 200
    assert client.post(COMPLETION, json=PROMPT | harmless).status_code == 200


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"temprature": 1}, "temprature", "unknown_parameter"),
        ({"n": 0}, "n", "invalid_type"),
        ({"n": 9}, "n", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"priority": 9}, "priority", "invalid_type"),
        ({"priority": "high"}, "priority", "invalid_type"),
        ({"logprobs": 0}, "logprobs", "invalid_type"),
        ({"top_logprobs": 3}, "top_logprobs", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_type"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": -1}, "temperature", "invalid_type"),
        ({"top_p": 1.1}, "top_p", "invalid_type"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_tokens": 2**40}, "max_tokens", "invalid_type"),
        ({"seed": 2**70}, "seed", "invalid_type"),
        ({"stop": ""}, "stop", "invalid_value"),
        ({"stop": ["x"] * 17}, "stop", "invalid_value"),
        ({"stop": ["x" * 5000]}, "stop", "invalid_value"),
        ({"stop": [1]}, "stop[0]", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"chunks": 1}}, "stream_options.chunks", "unknown_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": "Hi"}, "messages", "invalid_type"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_value"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0]",
            "invalid_value",
        ),
    ],
)
def test_a_wrong_parameter_is_named(
    client: TestClient, change: dict[str, object], param: str, code: str
) -> None:
    assert refusal(client.post(CHAT, json=HELLO | change)) == (400, param, code)


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_a_missing_modality_is_named(client: TestClient, kind: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"type": kind, kind: {"url": "data:,"}}]}]}
    assert refusal(client.post(CHAT, json=body))[::2] == (501, "unsupported_modality")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000],
)
def test_a_body_that_is_no_object_is_refused(client: TestClient, body: bytes) -> None:
    assert refusal(client.post(CHAT, content=body)) == (400, None, "invalid_json")


def test_deep_json_inside_a_field_is_refused(client: TestClient) -> None:
    deep = b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert client.post(CHAT, content=deep).status_code == 400


def test_a_body_that_is_too_long_is_refused_by_its_announced_length(client: TestClient) -> None:
    headers = {"Content-Length": str(MAX_BODY_BYTES + 1)}
    reply = client.post(CHAT, content=b"{}", headers=headers)
    assert refusal(reply) == (413, None, "request_too_large")


def test_a_body_that_is_too_long_is_refused_while_it_arrives(client: TestClient) -> None:
    piece = b" " * (1 << 20)
    pieces = (piece for _ in range(17))
    assert refusal(client.post(CHAT, content=pieces)) == (413, None, "request_too_large")


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_beyond_the_context_is_a_plain_error(client: TestClient, stream: bool) -> None:
    body = {"messages": [{"role": "user", "content": "x" * 600}], "stream": stream}
    assert refusal(client.post(CHAT, json=body)) == (400, None, "context_length_exceeded")


class FailingModel(FakeModel):
    """Breaks after two letters."""

    def _next(self, request_id: str, cells: list[int]) -> int:
        token = super()._next(request_id, cells)
        if token == ord("l"):
            raise DecodeError("The model broke.")
        return token


def test_an_error_after_the_first_text_is_an_event(ready: Service, web_root: Path) -> None:
    model = FailingModel("Hello!")
    template = ChatTemplate(CHATML, bos_token=model.bos_token, eos_token=model.eos_token)
    session = Session(Engine(model), model, template, n_ctx=model.n_ctx)
    ready.state = Ready(session, "")
    reply = make_client(ready, web_root).post(CHAT, json=HELLO | {"stream": True})
    session.close()
    assert reply.status_code == 200
    assert '"content":"He"' in joined(frames(reply.text))[1]
    assert frames(reply.text)[-1] == (
        'data: {"error":{"message":"The model broke.","type":"server_error","param":null,'
        '"code":"decode_failed"}}'
    )


def test_a_failure_before_the_first_text_is_a_plain_error(ready: Service, web_root: Path) -> None:
    assert isinstance(ready.state, Ready)
    model = ready.state.session.vocabulary
    assert isinstance(model, FakeModel)
    model.outcomes.append(DecodeError("The model broke."))
    client = make_client(ready, web_root)
    reply = client.post(CHAT, json=HELLO | {"stream": True})
    assert refusal(reply) == (500, None, "decode_failed")
    assert client.post(CHAT, json=HELLO).status_code == 200


def test_models_lists_the_one(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("test-model", "model", "llamapack")
    assert client.get("/v1/models/test-model").json() == model
    assert refusal(client.get("/v1/models/gpt-4")) == (404, "model", "model_not_found")


def test_any_model_name_is_served_and_the_real_one_told(client: TestClient) -> None:
    assert client.post(CHAT, json=HELLO | {"model": "gpt-4"}).json()["model"] == "test-model"


def test_another_method_is_refused_in_the_same_shape(client: TestClient) -> None:
    reply = client.get(CHAT)
    assert reply.status_code == 405
    assert json.loads(reply.text)["error"]["code"] == "method_not_allowed"
