"""The ollama package: chat, generate, tools, formats, and what is asked about models."""

# The package is only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Literal

import ollama
import pytest
from pydantic import BaseModel, Field

QUESTION = [{"role": "user", "content": "Name the capital of France."}]
GREEDY = {"temperature": 0, "seed": 1, "num_predict": 24}


class Weather(BaseModel):
    city: str = Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


def add(left: int, right: int) -> int:
    """Add two numbers.

    Args:
      left: The first number
      right: The second number
    """
    return left + right


@pytest.fixture
def client(url: str, key: str) -> Iterator[ollama.Client]:
    with ollama.Client(url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as opened:
        yield opened


@pytest.fixture
def model(client: ollama.Client) -> str:
    return str(client.list().models[0].model)


def test_the_model_is_listed_shown_and_running(client: ollama.Client, model: str) -> None:
    shown = client.show(model)
    assert "completion" in (shown.capabilities or [])
    assert shown.details is not None
    assert shown.details.family == "llama"
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert [running.model for running in client.ps().models] == [model]


def test_a_chat_whole_and_streamed(client: ollama.Client, model: str) -> None:
    whole = client.chat(model, QUESTION, options=GREEDY)
    assert "Paris" in str(whole.message.content)
    pieces = list(client.chat(model, QUESTION, options=GREEDY, stream=True))
    assert len(pieces) > 3
    assert "".join(str(piece.message.content) for piece in pieces) == whole.message.content
    last = pieces[-1]
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert (last.done_reason, last.eval_count) == (whole.done_reason, whole.eval_count)
    assert last.prompt_eval_count
    assert last.total_duration


def test_generate_whole_and_streamed(client: ollama.Client, model: str) -> None:
    whole = client.generate(model, "Name the capital of France.", options=GREEDY)
    assert "Paris" in whole.response
    pieces = client.generate(model, "Name the capital of France.", options=GREEDY, stream=True)
    assert "".join(piece.response for piece in pieces) == whole.response


def test_raw_text_is_continued(client: ollama.Client, model: str) -> None:
    reply = client.generate(model, "One, two, three,", raw=True, options=GREEDY)
    assert "four" in reply.response


def test_a_function_is_offered_and_its_result_taken(client: ollama.Client, model: str) -> None:
    """Whether a model calls is its own affair: Ollama has no required calls. It reads both."""
    messages: list[dict[str, object]] = [{"role": "user", "content": "What is 2 + 3? Use add."}]
    plain = client.chat(model, messages, options=GREEDY)
    offered = client.chat(model, messages, tools=[add], options=GREEDY | {"num_predict": 64})
    assert read_by(offered) > read_by(plain) + 20
    for call in offered.message.tool_calls or []:
        assert call.function.name == "add"
        assert add(**call.function.arguments) is not None
    called = {"function": {"name": "add", "arguments": {"left": 2, "right": 3}}}
    messages += [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "5", "tool_name": "add"},
    ]
    reply = client.chat(model, messages, tools=[add], options=GREEDY)
    assert read_by(reply) > read_by(offered) + 10


def read_by(reply: ollama.ChatResponse) -> int:
    """The tokens of the prompt."""
    assert reply.prompt_eval_count is not None
    return int(reply.prompt_eval_count)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_follows_a_schema(client: ollama.Client, model: str, stream: bool) -> None:
    question = [{"role": "user", "content": "How warm is it in Paris?"}]
    options = GREEDY | {"num_predict": 120}
    schema = Weather.model_json_schema()
    if stream:
        pieces = client.chat(model, question, format=schema, options=options, stream=True)
        text = "".join(str(piece.message.content) for piece in pieces)
    else:
        text = str(client.chat(model, question, format=schema, options=options).message.content)
    assert Weather.model_validate_json(text).city


def test_an_answer_is_json(client: ollama.Client, model: str) -> None:
    reply = client.chat(
        model,
        [{"role": "user", "content": "Name one colour as a small JSON object."}],
        format="json",
        options=GREEDY | {"num_predict": 120},
    )
    assert isinstance(json.loads(str(reply.message.content)), dict)


def test_reasoning_that_the_model_cannot_do_is_refused(client: ollama.Client, model: str) -> None:
    assert client.chat(model, QUESTION, think=False, options=GREEDY).message.thinking is None
    with pytest.raises(ollama.ResponseError, match="think") as caught:
        client.chat(model, QUESTION, think=True, options=GREEDY)
    assert caught.value.status_code == 400


def test_errors_say_what_is_wrong(client: ollama.Client, model: str, url: str) -> None:
    with pytest.raises(ollama.ResponseError, match="temperature") as caught:
        client.chat(model, QUESTION, options={"temperature": -1})
    assert caught.value.status_code == 400
    stranger = ollama.Client(url, headers={"Authorization": "Bearer wrong-key"})
    with pytest.raises(ollama.ResponseError, match="needs its key") as caught:
        stranger.list()
    assert caught.value.status_code == 401


async def _streamed(url: str, key: str, model: str) -> str:
    client = ollama.AsyncClient(url, headers={"Authorization": f"Bearer {key}"})
    stream = await client.chat(model, QUESTION, options=GREEDY, stream=True)
    return "".join([str(piece.message.content) async for piece in stream])


def test_the_asynchronous_client_streams(url: str, key: str, model: str) -> None:
    assert "Paris" in asyncio.run(_streamed(url, key, model))
