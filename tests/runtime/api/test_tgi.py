"""Text-generation-inference's routes: what goes to the engine, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import ByteTokenizer
from llamapack_runtime.api.service import Service
from llamapack_runtime.engine.types import (
    Candidate,
    Event,
    Failed,
    Finished,
    SampledToken,
    TextDelta,
)
from runtime.api.prepared import Asked, PreparedSession

Ask = Callable[..., Asked]


def said(*texts: str, reason: Any = "stop", stop: str | None = None) -> list[Event]:
    """Each with one token, of the number of its first character."""
    events: list[Event] = []
    for at, text in enumerate(texts, 1):
        chosen = Candidate(ord(text[0]) % 256, text.encode(), -0.5)
        sampled = SampledToken(chosen.token, chosen, (chosen,))
        events.append(TextDelta(text, at, (sampled,)))
    return [*events, Finished(reason, 3, 0, len(texts), 0.1, 0.2, stop)]


@pytest.fixture
def ask(service: Service, web_root: Path) -> Ask:
    return lambda *events: Asked(service, web_root, PreparedSession(*events))


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def test_a_text_is_continued(ask: Ask) -> None:
    asked = ask(*said("Hel", "lo"))
    reply = asked.post("/generate", {"inputs": "Say: ", "parameters": {"max_new_tokens": 9}})
    assert reply.json() == {"generated_text": "Hello"}
    ((request, _),) = asked.session.submitted
    assert request.prompt_tokens == (ByteTokenizer.BOS, *b"Say: ")
    assert (request.max_tokens, request.n_probs) == (9, None)
    assert request.sampling.temperature == 0.0, "the likeliest, unless more is asked for"


@pytest.mark.parametrize(
    ("parameters", "field", "value"),
    [
        ({"temperature": 0.7}, "temperature", 0.7),
        ({"top_k": 5}, "top_k", 5),
        ({"top_p": 0.5}, "top_p", 0.5),
        ({"typical_p": 0.5}, "typical_p", 0.5),
        ({"repetition_penalty": 1.2}, "repeat_penalty", 1.2),
        ({"frequency_penalty": 0.3}, "frequency_penalty", 0.3),
        ({"seed": 7}, "seed", 7),
    ],
)
def test_samplers_reach_the_engine(
    ask: Ask, parameters: dict[str, Any], field: str, value: object
) -> None:
    asked = ask(*said("a"))
    asked.post("/generate", {"inputs": "x", "parameters": parameters})
    ((request, _),) = asked.session.submitted
    assert getattr(request.sampling, field) == value


def test_an_end_and_a_part_of_the_prompt_can_be_asked_for(ask: Ask) -> None:
    asked = ask(*said("a", stop="!", reason="stop"))
    parameters = {"stop": ["!"], "truncate": 2, "return_full_text": True, "details": True}
    reply = asked.post("/generate", {"inputs": "wxyz", "parameters": parameters}).json()
    ((request, _),) = asked.session.submitted
    assert (request.prompt_tokens, request.stop) == (tuple(b"yz"), ("!",))
    assert reply == {
        "generated_text": "wxyza",
        "details": {
            "finish_reason": "stop_sequence",
            "generated_tokens": 1,
            "seed": None,
            "tokens": [{"id": 97, "text": "a", "logprob": -0.5, "special": False}],
            "prefill": [],
        },
    }


@pytest.mark.parametrize(("reason", "shown"), [("stop", "eos_token"), ("length", "length")])
@pytest.mark.parametrize(
    ("path", "body"), [("/generate_stream", {}), ("/generate", {"stream": True})]
)
def test_a_stream_has_an_event_for_each_token(
    ask: Ask, path: str, body: dict[str, Any], reason: str, shown: str
) -> None:
    asked = ask(*said("Hel", "lo", reason=reason))
    parameters = {"top_n_tokens": 1}
    reply = asked.post(path, {"inputs": "x", "parameters": parameters} | body)
    assert reply.headers["content-type"].startswith("text/event-stream")
    first, last = events_of(reply.text)
    token = {"id": 72, "text": "Hel", "logprob": -0.5, "special": False}
    assert first == {
        "index": 1,
        "token": token,
        "top_tokens": [token],
        "generated_text": None,
        "details": None,
    }
    assert (last["index"], last["token"]["text"], last["generated_text"]) == (2, "lo", "Hello")
    assert last["details"] == {
        "finish_reason": shown,
        "generated_tokens": 2,
        "seed": None,
        "input_length": 3,
    }


def test_an_answer_of_no_tokens_ends_with_a_special_one(ask: Ask) -> None:
    (only,) = events_of(ask(*said()).post("/generate_stream", {"inputs": "x"}).text)
    end = {"id": ByteTokenizer.END, "text": "", "logprob": 0.0, "special": True}
    assert (only["token"], only["generated_text"]) == (end, "")


def test_half_a_character_comes_with_the_rest_of_it(ask: Ask) -> None:
    halves = [Candidate(byte, bytes([byte]), -1.0) for byte in "é".encode()]
    tokens = tuple(SampledToken(one.token, one) for one in halves)
    end = Finished("stop", 1, 0, 2, 0.0, 0.0)
    events = events_of(
        ask(TextDelta("é", 2, tokens), end).post("/generate_stream", {"inputs": "x"}).text
    )
    assert [event["token"]["text"] for event in events] == ["", "é"]
    assert events[-1]["generated_text"] == "é"


def test_the_best_of_several_comes_first(ask: Ask) -> None:
    asked = ask(*said("a"))
    parameters = {"best_of": 2, "do_sample": True, "details": True}
    reply = asked.post("/generate", {"inputs": "x", "parameters": parameters}).json()
    assert len(asked.session.submitted) == 2
    assert [one["generated_text"] for one in reply["details"]["best_of_sequences"]] == ["a"]


@pytest.mark.parametrize(
    ("kind", "value", "allowed", "refused"),
    [
        ("regex", "[0-9]{3}", b"123", b"a"),
        ("json", {"type": "integer"}, b"12", b"x"),
        ("json", '{"type": "integer"}', b"12", b"x"),
        ("json_schema", {"name": "n", "schema": {"type": "integer"}}, b"12", b"x"),
    ],
)
def test_a_grammar_bounds_the_answer(
    ask: Ask, kind: str, value: object, allowed: bytes, refused: bytes
) -> None:
    asked = ask(*said("1"))
    parameters = {"grammar": {"type": kind, "value": value}}
    assert asked.post("/generate", {"inputs": "x", "parameters": parameters}).status_code == 200
    grammar = asked.session.submitted[0][0].grammar
    assert grammar is not None
    matcher = grammar.start()
    mask = matcher.mask()
    assert (refused[0] in mask.tokens) is mask.is_inverted
    for byte in allowed:
        matcher.accept(byte)


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/generate", {}, "inputs"),
        ("/generate", {"inputs": ""}, "inputs"),
        ("/generate", {"inputs": 5}, "inputs"),
        ("/generate", {"inputs": "x", "model": "m"}, "model"),
        ("/generate_stream", {"inputs": "x", "stream": False}, "stream"),
    ],
)
def test_a_wrong_body_is_refused_in_the_dialects_shape(
    ask: Ask, path: str, body: dict[str, Any], word: str
) -> None:
    reply = ask().post(path, body)
    assert (reply.status_code, reply.json().keys()) == (400, {"error", "error_type"})
    assert word in reply.json()["error"]
    assert reply.json()["error_type"] == "validation"


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"watermark": True}, "watermark"),
        ({"decoder_input_details": True}, "decoder_input_details"),
        ({"adapter_id": "a"}, "adapter_id"),
        ({"temperature": 0}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"best_of": 2}, "best_of"),
        ({"max_tokens": 2}, "max_tokens"),
        ({"top_n_tokens": 21}, "top_n_tokens"),
        ({"grammar": {"type": "regex", "value": "["}}, "grammar"),
        ({"grammar": {"type": "regex", "value": 5}}, "grammar.value"),
        ({"grammar": {"type": "json", "value": "{"}}, "grammar.value"),
        ({"grammar": {"type": "json_schema", "value": {}}}, "grammar.value"),
        ({"grammar": {"type": "gbnf", "value": "x"}}, "grammar"),
    ],
)
def test_what_cannot_be_honoured_is_named(ask: Ask, parameters: dict[str, Any], word: str) -> None:
    asked = ask()
    reply = asked.post("/generate", {"inputs": "x", "parameters": parameters})
    assert (reply.status_code, asked.session.submitted) == (400, [])
    message = reply.json()["error"]
    assert word.split(".")[0] in message or "format" in message


def test_best_of_cannot_be_streamed(ask: Ask) -> None:
    parameters = {"best_of": 2, "do_sample": True}
    reply = ask().post("/generate_stream", {"inputs": "x", "parameters": parameters})
    assert (reply.status_code, "best_of" in reply.json()["error"]) == (400, True)


def test_what_asks_for_nothing_passes(ask: Ask) -> None:
    nothing = {"watermark": False, "decoder_input_details": False, "adapter_id": None}
    none = dict.fromkeys(["grammar", "stop", "seed", "truncate", "best_of"])
    body = {"inputs": "x", "parameters": nothing | none, "stream": False}
    assert ask(*said("a")).post("/generate", body).json() == {"generated_text": "a"}


def test_a_failure_is_told_in_the_dialects_shape(ask: Ask) -> None:
    busy = Failed("Too many.", 503, "server_busy", 5)
    reply = ask(busy).post("/generate", {"inputs": "x"})
    assert reply.json() == {"error": "Too many.", "error_type": "overloaded"}
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    broken = ask(*said("a")[:1], Failed("It broke.", 500, "broken"))
    *_, last = events_of(broken.post("/generate_stream", {"inputs": "x"}).text)
    assert last == {"error": "It broke.", "error_type": "generation"}


def test_what_is_served_is_told(client: TestClient) -> None:
    told = client.get("/info").json()
    assert (told["model_id"], told["version"]) == ("test-model", "1.2.3")
    assert (told["max_input_tokens"], told["max_total_tokens"]) == (512, 512)


def test_it_is_told_once_the_model_is_there(loading_client: TestClient) -> None:
    assert loading_client.get("/info").json()["error_type"] == "overloaded"


def test_a_real_session_streams_and_tells_the_same(client: TestClient) -> None:
    whole = client.post("/generate", json={"inputs": "x"}).json()
    events = events_of(client.post("/generate_stream", json={"inputs": "x"}).text)
    assert whole == {"generated_text": "Hello!"}
    assert "".join(event["token"]["text"] for event in events) == "Hello!"
    assert events[-1]["generated_text"] == "Hello!"
    assert [event["index"] for event in events] == [*range(1, 7)]
