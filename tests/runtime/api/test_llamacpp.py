"""llama-server's /completion: replies and streams, key by key, as llama-server has them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import FakeModel
from llamapack_runtime.api.service import Service
from llamapack_runtime.engine.types import (
    Candidate,
    Event,
    Failed,
    Finished,
    PromptProgress,
    Queued,
    Request,
    SampledToken,
    TextDelta,
)
from runtime.api.clients import client_of
from runtime.api.llamacpp_keys import KEYS, PARTIAL, SETTINGS, TIMINGS
from runtime.api.scripted import ScriptedSession


def finished(reason: str = "stop", **options: Any) -> Finished:
    return Finished(
        reason,  # type: ignore[arg-type]  # a word of FinishReason
        prompt_tokens=options.pop("prompt_tokens", 3),
        cached_tokens=options.pop("cached_tokens", 1),
        completion_tokens=options.pop("completion_tokens", 2),
        prompt_s=0.5,
        completion_s=0.25,
        **options,
    )


def token(number: int, *others: Candidate) -> SampledToken:
    chosen = Candidate(number, bytes([number]), -0.5)
    return SampledToken(number, chosen, (chosen, *others))


class Script(ScriptedSession):
    """Over a vocabulary of bytes."""

    def __init__(self, *events: Event, n_ctx: int = 512) -> None:
        super().__init__(*events)
        self.vocabulary = FakeModel("")
        self.n_ctx = n_ctx

    @property
    def requests(self) -> list[Request]:
        return [request for request, _ in self.submitted]


def frames(text: str) -> list[Any]:
    """The data of a stream's events; comments are left out."""
    assert text.endswith("\n\n")
    events = text.removesuffix("\n\n").split("\n\n")
    data = [event for event in events if not event.startswith(":")]
    assert all(event.startswith("data: {") for event in data)
    return [json.loads(event.removeprefix("data: ")) for event in data]


def test_a_whole_reply(service: Service, web_root: Path) -> None:
    end = finished("length", completion_tokens=2, cached_tokens=1)
    session = Script(TextDelta("a\nb", 2, (SampledToken(97), SampledToken(98))), end)
    client = client_of(service, web_root, session)
    body = {"prompt": "ab", "n_predict": 2, "seed": 7, "stop": ["x"], "return_tokens": True}
    reply = client.post("/completion", json=body)
    assert reply.status_code == 200
    got = reply.json()
    assert [*got] == KEYS
    assert [*got.pop("generation_settings")] == SETTINGS
    assert [*got["timings"]] == TIMINGS
    timings = got.pop("timings")
    assert (timings["cache_n"], timings["prompt_n"], timings["predicted_n"]) == (1, 2, 2)
    assert (timings["prompt_ms"], timings["predicted_per_second"]) == (500.0, 8.0)
    assert got == {
        "index": 0,
        "content": "a\nb",
        "tokens": [97, 98],
        "id_slot": -1,
        "stop": True,
        "model": "test-model",
        "tokens_predicted": 2,
        "tokens_evaluated": 3,
        "prompt": "<|begin|>ab",
        "has_new_line": True,
        "truncated": False,
        "stop_type": "limit",
        "stopping_word": "",
        "tokens_cached": 4,
    }
    (request,) = session.requests
    assert request.prompt_tokens == (FakeModel.BOS, ord("a"), ord("b"))
    assert (request.max_tokens, request.stop, request.sampling.seed) == (2, ("x",), 7)


@pytest.mark.parametrize("path", ["/completion", "/completions"])
def test_the_real_engine_answers(client: TestClient, path: str) -> None:
    got = client.post(path, json={"prompt": "Hi"}).json()
    assert (got["content"], got["stop_type"], got["tokens"]) == ("Hello!", "eos", [])
    assert got["tokens_predicted"] == 7  # six letters and the end


@pytest.mark.parametrize(
    ("end", "stop_type", "word", "truncated"),
    [
        (finished("stop"), "eos", "", False),
        (finished("stop", stop_sequence="END"), "word", "END", False),
        (finished("length"), "limit", "", False),
        (finished("length", prompt_tokens=500, completion_tokens=12), "limit", "", True),
        (finished("stop", prompt_tokens=500, completion_tokens=80), "eos", "", True),
    ],
)
def test_why_it_stopped(
    service: Service, web_root: Path, end: Finished, stop_type: str, word: str, truncated: bool
) -> None:
    got = client_of(service, web_root, Script(end)).post("/completion", json={"prompt": "a"}).json()
    assert (got["stop_type"], got["stopping_word"], got["truncated"]) == (
        stop_type,
        word,
        truncated,
    )


def test_the_settings_are_those_that_were_used(service: Service, web_root: Path) -> None:
    body = {
        "prompt": "a",
        "temperature": 0.5,
        "top_k": 5,
        "samplers": "kt",
        "logit_bias": [[5, 1.5], [6, False], ["ab", -1]],
        "ignore_eos": True,
        "n_keep": -1,
        "n_probs": 3,
        "typical_p": 0.5,
        "mirostat": 2,
        "dry_sequence_breakers": ["\n"],
    }
    client = client_of(service, web_root, Script(finished()))
    settings = client.post("/completion", json=body).json()["generation_settings"]
    assert {name: settings[name] for name in body if name not in ("prompt", "logit_bias")} == {
        **{name: body[name] for name in body if name not in ("prompt", "logit_bias")},
        "samplers": ["top_k", "temperature"],
    }
    assert settings["logit_bias"] == [
        {"bias": 1.5, "token": 5},
        {"bias": None, "token": 6},
        {"bias": -1.0, "token": ord("a")},
        {"bias": -1.0, "token": ord("b")},
    ]
    assert (settings["max_tokens"], settings["n_predict"]) == (-1, -1)
    assert settings["seed"] == 4294967295


def test_probabilities(service: Service, web_root: Path) -> None:
    other = Candidate(200, b"\xc3", float("-inf"))
    session = Script(TextDelta("a", 1, (token(97, other),)), finished())
    client = client_of(service, web_root, session)
    got = client.post("/completion", json={"prompt": "a", "n_probs": 2}).json()
    assert [*got] == [*KEYS, "completion_probabilities"]
    first = {"id": 97, "token": "a", "bytes": [97], "logprob": -0.5}
    impossible = {"id": 200, "token": "", "bytes": [195], "logprob": -3.4028234663852886e38}
    assert got["completion_probabilities"] == [first | {"top_logprobs": [first, impossible]}]
    assert session.requests[0].n_probs == 2


@pytest.mark.parametrize("name", ["n_probs", "logprobs"])
def test_no_probabilities_are_asked_for_by_zero(
    service: Service, web_root: Path, name: str
) -> None:
    session = Script(finished())
    client_of(service, web_root, session).post("/completion", json={"prompt": "a", name: 0})
    assert session.requests[0].n_probs is None


def test_response_fields(service: Service, web_root: Path) -> None:
    fields = ["content", "generation_settings/n_predict", "nothing", "content/x", "timings"]
    body = {"prompt": "a", "n_predict": 9, "response_fields": fields}
    client = client_of(service, web_root, Script(TextDelta("b", 1), finished()))
    got = client.post("/completion", json=body).json()
    assert [*got] == ["content", "generation_settings/n_predict", "timings"]
    assert (got["content"], got["generation_settings/n_predict"]) == ("b", 9)
    (piece, end) = frames(client.post("/completion", json=body | {"stream": True}).text)
    assert [*piece] == PARTIAL
    assert [*end] == ["content", "generation_settings/n_predict", "timings"]


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        ("a", [[256, 97]]),
        ([97, 98], [[97, 98]]),
        ([97, "b", 99], [[97, 98, 99]]),
        (["a", 98], [[256, 97, 98]]),
        (["a"], [[256, 97]]),
        (["a", "b"], [[256, 97], [256, 98]]),
        ([[97], "b", ["c", 100]], [[97], [256, 98], [256, 99, 100]]),
        ({"prompt_string": "a"}, [[256, 97]]),
        ([{"prompt_string": "a", "multimodal_data": []}, "b"], [[256, 97], [256, 98]]),
        ("<|end|>", [[256, 257]]),
    ],
)
def test_forms_of_prompts(
    service: Service, web_root: Path, prompt: object, tokens: list[list[int]]
) -> None:
    session = Script(finished())
    reply = client_of(service, web_root, session).post("/completion", json={"prompt": prompt})
    assert reply.status_code == 200
    assert [[*request.prompt_tokens] for request in session.requests] == tokens
    assert isinstance(reply.json(), list) == (len(tokens) > 1)


@pytest.mark.parametrize("name", ["n_cmpl", "n"])
def test_several_answers_to_several_prompts(service: Service, web_root: Path, name: str) -> None:
    session = Script(finished())
    body = {"prompt": ["a", "b"], name: 2, "seed": 5}
    got = client_of(service, web_root, session).post("/completion", json=body).json()
    assert [(one["index"], one["prompt"]) for one in got] == [
        (0, "<|begin|>a"),
        (1, "<|begin|>a"),
        (2, "<|begin|>b"),
        (3, "<|begin|>b"),
    ]
    assert [request.sampling.seed for request in session.requests] == [5, 6, 5, 6]
    assert len({request.request_id for request in session.requests}) == 4


def test_a_stream(service: Service, web_root: Path) -> None:
    events = (
        Queued(2),
        PromptProgress(2, 3),
        TextDelta("a", 1, (token(97),)),
        TextDelta("\n", 2, (token(10),)),
        finished("stop", stop_sequence="x"),
    )
    session = Script(*events)
    client = client_of(service, web_root, session)
    reply = client.post("/completion", json={"prompt": "ab", "stream": True})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.text.startswith(": queued, 2 before you\n\n")
    piece, end = frames(reply.text)
    assert [*piece] == [*PARTIAL, "completion_probabilities"]
    del piece["completion_probabilities"]
    assert piece == {
        "index": 0,
        "content": "a\n",
        "tokens": [97, 10],
        "stop": False,
        "id_slot": -1,
        "tokens_predicted": 2,
        "tokens_evaluated": 3,
    }
    assert [*end] == KEYS
    assert (end["content"], end["tokens"], end["stop"]) == ("", [], True)
    assert (end["stop_type"], end["stopping_word"], end["has_new_line"]) == ("word", "x", True)
    assert end["generation_settings"]["stream"] is True


def test_a_stream_with_progress_and_timings(service: Service, web_root: Path) -> None:
    session = Script(PromptProgress(2, 3), TextDelta("a", 1, (SampledToken(97),)), finished())
    body = {"prompt": "ab", "stream": True, "return_progress": True, "timings_per_token": True}
    text = client_of(service, web_root, session).post("/completion", json=body).text
    progress, piece, end = frames(text)
    assert [*progress] == [*PARTIAL, "timings", "prompt_progress"]
    assert [*progress["prompt_progress"]] == ["total", "cache", "processed", "time_ms"]
    assert (progress["prompt_progress"]["total"], progress["prompt_progress"]["processed"]) == (
        3,
        2,
    )
    assert (progress["content"], progress["tokens"], progress["stop"]) == ("", [], False)
    assert [*piece] == [*PARTIAL, "timings"]
    assert [*piece["timings"]] == TIMINGS
    assert piece["timings"]["predicted_n"] == 1
    assert end["generation_settings"]["timings_per_token"] is True


def test_a_stream_of_several_prompts(service: Service, web_root: Path) -> None:
    session = Script(TextDelta("a", 1), finished())
    body = {"prompt": ["a", "bc"], "stream": True}
    got = frames(client_of(service, web_root, session).post("/completion", json=body).text)
    assert sorted((one["index"], one["stop"], one["tokens_evaluated"]) for one in got) == [
        (0, False, 2),
        (0, True, 3),
        (1, False, 3),
        (1, True, 3),
    ]


def test_a_failure_inside_a_stream_is_an_event(service: Service, web_root: Path) -> None:
    session = Script(TextDelta("a", 1), Failed("It broke.", 500, "broken"))
    body = {"prompt": "a", "stream": True}
    got = frames(client_of(service, web_root, session).post("/completion", json=body).text)
    assert got[1:] == [{"error": {"code": 500, "message": "It broke.", "type": "server_error"}}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_longer_than_the_context(client: TestClient, stream: bool) -> None:
    reply = client.post("/completion", json={"prompt": "a" * 600, "stream": stream})
    assert reply.status_code == 400
    error = reply.json()["error"]
    message = error.pop("message")
    assert "601 tokens" in message
    assert error == {
        "code": 400,
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 601,
        "n_ctx": 512,
    }


@pytest.mark.parametrize(
    ("wanted", "content"),
    [
        ({"grammar": 'root ::= "yes" | "no"'}, "(yes|no)"),
        ({"json_schema": {"type": "object", "additionalProperties": False}}, r"\{\s*\}"),
        ({"json_schema": {"enum": ["a", "b"]}}, '"[ab]"'),
        ({"json_schema": {"enum": ["a", "b"]}, "stream": True}, '"[ab]"'),
        ({"regex": "[0-9]{3}"}, "[0-9]{3}"),
    ],
)
def test_what_the_answer_must_match(
    client: TestClient, wanted: dict[str, Any], content: str
) -> None:
    reply = client.post("/completion", json={"prompt": "a"} | wanted)
    got = frames(reply.text) if wanted.get("stream") else [reply.json()]
    assert re.fullmatch(content, "".join(one["content"] for one in got))
    assert got[-1]["stop_type"] == "eos"
    assert got[-1]["generation_settings"]["grammar"] == wanted.get("grammar", "")
