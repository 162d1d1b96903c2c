"""`n` and `priority`: several answers to one prompt, and who goes first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from starlette.testclient import TestClient

from fakes import FakeModel
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.scheduler import LEAST_AWAITED
from llamapack_runtime.engine.types import Failed, Finished, TextDelta
from runtime.api.clients import make_client
from runtime.api.scripted import ScriptedSession
from runtime.api.served import StartServer

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}]}
PROMPT: dict[str, object] = {"prompt": [1, 2, 3]}


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data:")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def texts(stream: list[Any]) -> dict[int, str]:
    out: dict[int, str] = {}
    for choice in (choice for event in stream for choice in event["choices"]):
        text = choice["text"] if "text" in choice else choice["delta"].get("content", "")
        out[choice["index"]] = out.get(choice["index"], "") + text
    return out


@pytest.mark.parametrize(("path", "body"), [(CHAT, HELLO), (COMPLETION, PROMPT)])
@pytest.mark.parametrize("n", [1, 3, 8])
def test_there_are_as_many_choices_as_asked_for(
    client: TestClient, path: str, body: dict[str, object], n: int
) -> None:
    one = client.post(path, json=body).json()
    reply = client.post(path, json=body | {"n": n}).json()
    assert [choice["index"] for choice in reply["choices"]] == [*range(n)]
    assert {choice["finish_reason"] for choice in reply["choices"]} == {"stop"}
    assert reply["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert reply["usage"]["completion_tokens"] == 7 * n
    assert reply["timings"]["predicted_n"] == 7 * n
    assert len(events(client.post(path, json=body | {"n": n, "stream": True}).text)) > n


def test_choices_are_interleaved_in_a_stream(client: TestClient) -> None:
    options = {"n": 2, "stream": True, "stream_options": {"include_usage": True}}
    stream = events(client.post(CHAT, json=HELLO | options).text)
    assert texts(stream) == {0: "Hello!", 1: "Hello!"}
    openings = [event["choices"][0] for event in stream[:2]]
    assert [(one["index"], one["delta"]["role"]) for one in openings] == [
        (0, "assistant"),
        (1, "assistant"),
    ]
    ends = [c["index"] for e in stream for c in e["choices"] if c["finish_reason"] == "stop"]
    assert sorted(ends) == [0, 1]
    assert stream[-1]["choices"] == []
    assert stream[-1]["usage"]["completion_tokens"] == 14


def test_the_prompt_is_read_once(client: TestClient, ready: Service) -> None:
    assert isinstance(ready.state, Ready)
    body = {"messages": [{"role": "user", "content": "word " * 40}], "n": 4}
    usage = client.post(CHAT, json=body).json()["usage"]
    n_prompt = usage["prompt_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0
    # The other three do not wait for a rest this short.
    computed = ready.state.session.stats().prompt_tokens
    assert n_prompt <= computed < n_prompt + 3 * LEAST_AWAITED
    again = client.post(CHAT, json=body).json()
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] == n_prompt - 1
    assert (again["timings"]["cache_n"], again["timings"]["prompt_n"]) == (n_prompt - 1, 1)


@pytest.mark.parametrize(
    ("seed", "seeds"), [(7, [7, 8, 9]), (2**32 - 1, [2**32 - 1, 0, 1]), (-1, [None] * 3)]
)
def test_each_choice_has_its_seed(
    ready: Service, web_root: Path, seed: int, seeds: list[int | None]
) -> None:
    session = ScriptedSession(Finished("stop", 3, 0, 1, 0.0, 0.0))
    ready.state = Ready(session, "")
    make_client(ready, web_root).post(COMPLETION, json=PROMPT | {"n": 3, "seed": seed})
    assert [request.sampling for request, _ in session.submitted] == [
        SamplingParams(temperature=0.0, seed=seed) for seed in seeds
    ]
    assert len({request.request_id for request, _ in session.submitted}) == 3


@pytest.mark.parametrize(("asked", "priority"), [({}, 0), ({"priority": -8}, -8)])
def test_priority_reaches_the_engine(
    ready: Service, web_root: Path, asked: dict[str, int], priority: int
) -> None:
    session = ScriptedSession(Finished("stop", 3, 0, 1, 0.0, 0.0))
    ready.state = Ready(session, "")
    make_client(ready, web_root).post(COMPLETION, json=PROMPT | asked)
    assert session.submitted[0][0].priority == priority


@pytest.mark.parametrize("stream", [False, True])
def test_one_choice_that_fails_fails_all_with_one_error(
    ready: Service, web_root: Path, stream: bool
) -> None:
    broken = Failed("It broke.", 500, "broken")
    session = ScriptedSession(
        by_turn=lambda turn: [TextDelta("a", 1)] if turn == 0 else [TextDelta("b", 1), broken]
    )
    ready.state = Ready(session, "")
    body = PROMPT | {"n": 2, "stream": stream}
    reply = make_client(ready, web_root).post(COMPLETION, json=body)
    assert session.aborted == [session.submitted[0][0].request_id]
    error = reply.text.removesuffix("\n\n").split("\n\n")[-1].removeprefix("data: ")
    assert reply.status_code == (200 if stream else 500)
    assert json.loads(error)["error"]["code"] == "broken"
    assert reply.text.count("error") - reply.text.count("_error") == 1


def test_timings_tell_of_speculation(ready: Service, web_root: Path) -> None:
    ends = [
        Finished("stop", 30, 29, 10, 0.1, 0.5, draft_tokens=6, accepted_tokens=5),
        Finished("stop", 30, 10, 20, 0.2, 0.4, draft_tokens=3, accepted_tokens=1),
    ]
    ready.state = Ready(ScriptedSession(by_turn=lambda turn: [ends[turn]]), "")
    body = make_client(ready, web_root).post(COMPLETION, json=PROMPT | {"n": 2}).json()
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 10}
    timings = body["timings"]
    assert (timings["draft_n"], timings["draft_n_accepted"]) == (9, 6)
    assert (timings["cache_n"], timings["prompt_n"], timings["prompt_ms"]) == (10, 20, 200.0)
    assert (timings["predicted_n"], timings["predicted_ms"]) == (30, 500.0)
    assert (timings["prompt_per_second"], timings["predicted_per_second"]) == (100.0, 60.0)


def test_a_client_that_leaves_frees_the_slots_of_all_choices(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session(None, n_ctx=1 << 20, step_s=0.002))
    with openai.OpenAI(base_url=f"{server.url}v1", api_key="none", timeout=20) as client:
        stream = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Hi"}], n=4, stream=True
        )
        seen: set[int] = set()
        for chunk in stream:
            seen |= {choice.index for choice in chunk.choices if choice.delta.content}
            if len(seen) == 4:
                break
        assert server.session.stats().busy == 4
        stream.close()
    server.wait_until_idle()


def test_the_openai_client_gets_two_choices(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session("Hello!"))
    with openai.OpenAI(base_url=f"{server.url}v1", api_key="none", timeout=20) as client:
        whole = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Hi"}], n=2, seed=1
        )
        assert [choice.message.content for choice in whole.choices] == ["Hello!"] * 2
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 14
        stream = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Hi"}], n=2, stream=True
        )
        streamed = {0: "", 1: ""}
        for chunk in stream:
            for choice in chunk.choices:
                streamed[choice.index] += choice.delta.content or ""
        assert streamed == {0: "Hello!", 1: "Hello!"}


def test_a_waiting_choice_does_not_hold_back_the_others(
    ready: Service, web_root: Path, make_session: Callable[..., Session]
) -> None:
    """More choices than the engine has slots: the rest run when the first are done."""
    session = make_session("Hello!", n_seq_max=2)
    ready.state = Ready(session, "")
    body = HELLO | {"n": 5, "stream": True}
    stream = events(make_client(ready, web_root).post(CHAT, json=body).text)
    assert texts(stream) == dict.fromkeys(range(5), "Hello!")
    assert isinstance(session.vocabulary, FakeModel)
    assert len(session.vocabulary.samplers) == 5
