"""Completions: several prompts, echo, the gap before a suffix, probabilities, the best of many."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import FakeModel
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.infill_tokens import InfillTokens
from llamapack_runtime.engine.types import Candidate, Event, Finished, SampledToken, TextDelta
from runtime.api.clients import client_of, make_client
from runtime.api.scripted import ScriptedSession
from runtime.api.wire import choices, chunks, joined

PATH = "/v1/completions"


def ask(client: TestClient, **body: object) -> Any:
    return client.post(PATH, json={"prompt": "ab"} | body).json()


def error(client: TestClient, **body: object) -> tuple[str | None, str | None]:
    reply = client.post(PATH, json={"prompt": "ab"} | body)
    assert reply.status_code == 400
    return reply.json()["error"]["param"], reply.json()["error"]["code"]


def prompts_seen(model: Session) -> list[tuple[int, ...]]:
    vocabulary = model.vocabulary
    assert isinstance(vocabulary, FakeModel)
    return [chunk.tokens for batch in vocabulary.batches for chunk in batch if chunk.start == 0]


def test_each_of_several_prompts_has_its_choices(client: TestClient) -> None:
    body = ask(client, prompt=["ab", [256, 97]], n=2)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert [choice["text"] for choice in body["choices"]] == ["Hello!"] * 4
    # Each prompt counts once: BOS and two letters, and two tokens.
    assert body["usage"]["prompt_tokens"] == 5
    assert body["usage"]["completion_tokens"] == 28


def test_as_many_answers_as_are_possible_come_at_once(client: TestClient) -> None:
    reply = client.post(PATH, json={"prompt": ["a"] * 32, "n": 2, "max_tokens": 1})
    assert len(reply.json()["choices"]) == 64


@pytest.mark.parametrize("count", ["n", "best_of"])
def test_answers_that_can_never_run_are_a_wrong_request(client: TestClient, count: str) -> None:
    reply = client.post(PATH, json={"prompt": ["a"] * 33, count: 2, "max_tokens": 1})
    assert reply.status_code == 400
    assert "retry-after" not in reply.headers
    assert reply.json()["error"]["message"] == (
        "66 answers are wanted, 2 to each of 33 prompts; at most 64 are possible at once."
    )


def test_several_prompts_in_a_stream(client: TestClient) -> None:
    body = {"prompt": ["a", "b"], "stream": True, "stream_options": {"include_usage": True}}
    stream = chunks(client.post(PATH, json=body).text)
    for index in (0, 1):
        texts = [c["text"] for chunk in stream for c in chunk["choices"] if c["index"] == index]
        assert joined(texts) == "Hello!"
    assert stream[-1]["usage"]["prompt_tokens"] == 4


@pytest.mark.parametrize("prompt", ["ab", [97, 98]])
def test_echo_repeats_the_prompt(client: TestClient, prompt: object) -> None:
    assert ask(client, prompt=prompt, echo=True)["choices"][0]["text"] == "abHello!"
    assert ask(client, prompt=prompt, echo=True, max_tokens=0)["choices"][0]["text"] == "ab"
    stream = chunks(client.post(PATH, json={"prompt": prompt, "echo": True, "stream": True}).text)
    assert stream[0]["choices"][0]["text"] == "ab"
    assert joined(chunk["choices"][0]["text"] for chunk in stream) == "abHello!"


def test_echo_cannot_tell_probabilities(client: TestClient) -> None:
    assert error(client, echo=True, logprobs=1) == ("logprobs", "unsupported_parameter")
    assert error(client, echo=True, prompt=[999]) == ("prompt", "invalid_value")


@pytest.mark.parametrize(
    ("limit", "seen"), [(2, (97, 98)), (3, (256, 97, 98)), (9, (256, 97, 98)), (-1, (256, 97, 98))]
)
def test_the_end_of_a_long_prompt_is_kept(
    ready: Service, web_root: Path, make_session: Callable[..., Session], limit: int, seen: object
) -> None:
    session = make_session("Hello!")
    ask(client_of(ready, web_root, session), truncate_prompt_tokens=limit)
    assert prompts_seen(session) == [seen]


def test_a_prompt_without_bos(
    ready: Service, web_root: Path, make_session: Callable[..., Session]
) -> None:
    session = make_session("Hello!")
    ask(client_of(ready, web_root, session), add_special_tokens=False)
    assert prompts_seen(session) == [(97, 98)]


def test_a_suffix_makes_a_gap(
    ready: Service,
    web_root: Path,
    make_session: Callable[..., Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = make_session("Hello!")
    client = client_of(ready, web_root, session)
    assert error(client, suffix="yz") == ("suffix", "unsupported_parameter")
    marks = InfillTokens(prefix=257, suffix=258, middle=259)
    monkeypatch.setattr(session.vocabulary, "infill_tokens", marks, raising=False)
    assert ask(client, suffix="yz")["choices"][0]["text"] == "Hello!"
    assert prompts_seen(session) == [(257, 97, 98, 258, 121, 122, 259)]
    assert error(client, prompt=[97], suffix="yz") == ("suffix", "invalid_value")


def test_an_empty_suffix_makes_none(client: TestClient) -> None:
    assert ask(client, suffix="")["choices"][0]["text"] == "Hello!"


def token(number: int, piece: bytes, logprob: float, *others: Candidate) -> SampledToken:
    chosen = Candidate(number, piece, logprob)
    return SampledToken(number, chosen, (chosen, *others))


END = Finished("stop", 3, 0, 3, 0.0, 0.0)
SAID: list[Event] = [
    TextDelta("He", 1, (token(7, b"He", -0.5, Candidate(8, b"Ha", -1.5)),)),
    TextDelta("", 2, (token(9, b"\xc3", -0.25),)),
    TextDelta("é!", 4, (token(10, b"\xa9", -0.125), token(11, b"!", 0.0))),
    END,
]


def test_probabilities_have_their_older_shape(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, ScriptedSession(*SAID))
    shown = ask(client, prompt=[1, 2, 3], logprobs=2)["choices"][0]["logprobs"]
    assert shown == {
        "tokens": ["He", "\ufffd", "\ufffd", "!"],
        "token_logprobs": [-0.5, -0.25, -0.125, 0.0],
        "top_logprobs": [
            {"He": -0.5, "Ha": -1.5},
            {"\ufffd": -0.25},
            {"\ufffd": -0.125},
            {"!": 0.0},
        ],
        "text_offset": [0, 2, 2, 3],
    }


@pytest.mark.parametrize(
    ("asked", "n_probs"), [(0, 0), (5, 5), (True, 0), (False, None), (None, None)]
)
def test_the_number_of_others_reaches_the_engine(
    ready: Service, web_root: Path, asked: object, n_probs: int | None
) -> None:
    session = ScriptedSession(*SAID)
    shown = ask(client_of(ready, web_root, session), prompt=[1], logprobs=asked)["choices"][0]
    assert session.submitted[0][0].n_probs == n_probs
    assert (shown["logprobs"] is None) == (n_probs is None)
    if n_probs == 0:
        assert shown["logprobs"]["top_logprobs"] is None


def test_offsets_go_on_through_a_stream(ready: Service, web_root: Path) -> None:
    session = ScriptedSession(*SAID)
    client = client_of(ready, web_root, session)
    body = {"prompt": [1], "stream": True, "logprobs": 0, "return_tokens": True}
    stream = chunks(client.post(PATH, json=body).text)
    said = [chunk["choices"][0] for chunk in stream]
    shown = [one["logprobs"] for one in said if one["logprobs"]]
    assert [offset for one in shown for offset in one["text_offset"]] == [0, 2, 2, 3]
    assert [number for one in said for number in one["tokens"]] == [7, 9, 10, 11]


def test_a_stream_with_probabilities_is_this_transcript(ready: Service, web_root: Path) -> None:
    client = client_of(ready, web_root, ScriptedSession(SAID[0], END))
    body = {"prompt": [1], "stream": True, "logprobs": 1}
    logprobs = {
        "tokens": ["He"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"He": -0.5, "Ha": -1.5}],
        "text_offset": [0],
    }
    shown = json.dumps(logprobs, separators=(",", ":"))
    transcript = choices(client.post(PATH, json=body).text)
    assert transcript[0] == (f'[{{"index":0,"text":"He","logprobs":{shown},"finish_reason":null}}]')
    assert transcript[1].startswith(
        '[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]'
    )


def guess(turn: int) -> list[Event]:
    """The middle one of three is the likeliest for its length."""
    pieces = ((-0.9,), (-0.2, -0.2, -0.2), (-0.4,))[turn % 3]
    tokens = tuple(token(7, b"x", logprob) for logprob in pieces)
    return [TextDelta(f"answer {turn}", len(tokens), tokens), END]


def test_the_likeliest_of_several_are_shown(ready: Service, web_root: Path) -> None:
    session = ScriptedSession(by_turn=guess)
    client = client_of(ready, web_root, session)
    body = ask(client, prompt=[[1], [2]], best_of=3, n=2)
    assert [(choice["index"], choice["text"]) for choice in body["choices"]] == [
        (0, "answer 1"),
        (1, "answer 2"),
        (2, "answer 4"),
        (3, "answer 5"),
    ]
    assert body["choices"][0]["logprobs"] is None
    assert body["usage"]["completion_tokens"] == 18  # all six count
    assert len(session.submitted) == 6


def test_the_best_of_as_many_is_each(ready: Service, web_root: Path) -> None:
    session = ScriptedSession(by_turn=guess)
    body = ask(client_of(ready, web_root, session), prompt=[1], best_of=2, n=2)
    assert [choice["text"] for choice in body["choices"]] == ["answer 0", "answer 1"]
    assert session.submitted[0][0].n_probs is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"best_of": 2, "n": 3}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"best_of": 9}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"truncate_prompt_tokens": 0}, "truncate_prompt_tokens"),
        ({"tools": []}, "tools"),
    ],
)
def test_what_makes_no_sense_is_named(
    client: TestClient, body: dict[str, object], param: str
) -> None:
    assert error(client, **body)[0] == param


def test_a_bias_may_name_a_text(
    ready: Service, web_root: Path, make_session: Callable[..., Session]
) -> None:
    session = make_session("Hello!")
    ready.state = Ready(session, "")
    ask(make_client(ready, web_root), logit_bias={"ab": -5, "7": False})
    assert isinstance(session.vocabulary, FakeModel)
    biases = session.vocabulary.samplers[-1].params.logit_bias
    assert biases == ((97, -5.0), (98, -5.0), (7, float("-inf")))


@pytest.mark.parametrize(
    "asked",
    [
        {"response_format": {"type": "json_object"}},
        {"json_schema": {"type": "integer"}},
        {"grammar": 'root ::= "a"'},
        {"regex": "a+"},
        {"guided_choice": ["yes", "no"]},
    ],
)
def test_a_format_becomes_the_grammar_of_every_prompt(
    ready: Service, web_root: Path, asked: dict[str, object]
) -> None:
    session = ScriptedSession(END)
    session.vocabulary = FakeModel("")
    ask(client_of(ready, web_root, session), prompt=[[1], [2]], **asked)
    assert all(request.grammar is not None for request, _ in session.submitted)
    assert len(session.submitted) == 2


def test_a_format_that_cannot_be_followed_is_refused(client: TestClient) -> None:
    assert error(client, grammar="root ::= (")[0] == "grammar"
    assert error(client, grammar='root ::= "a"', regex="a")[0] == "regex"
