"""LiteLLM: one call for every provider, here in the three dialects that a pack speaks."""

# The package is only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
from typing import Any, Literal

import litellm
import pytest
from pydantic import BaseModel, Field

QUESTION: list[Any] = [{"role": "user", "content": "Name the capital of France."}]
ASKED: list[Any] = [{"role": "user", "content": "How warm is it in Paris?"}]


class Weather(BaseModel):
    """The weather in a city."""

    city: str = Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": Weather.model_json_schema()},
}


@pytest.fixture(params=["openai", "ollama_chat", "anthropic"])
def asked(request: pytest.FixtureRequest, url: str, key: str) -> dict[str, Any]:
    base = f"{url}/v1" if request.param == "openai" else url
    return {
        "model": f"{request.param}/any",
        "api_base": base,
        "api_key": key,
        "temperature": 0,
        "max_tokens": 120,
        "num_retries": 0,
    }


def test_a_stream_joins_to_the_whole_answer(asked: dict[str, Any]) -> None:
    whole = litellm.completion(messages=QUESTION, **asked).choices[0].message.content
    assert "Paris" in whole
    stream = litellm.completion(messages=QUESTION, stream=True, **asked)
    pieces = [piece.choices[0].delta.content or "" for piece in stream]
    assert len(pieces) > 3
    assert "".join(pieces) == whole


@pytest.mark.parametrize("asked", ["openai", "anthropic"], indirect=True)
def test_a_required_call_is_made(asked: dict[str, Any]) -> None:
    reply = litellm.completion(
        messages=ASKED, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, **asked
    )
    assert reply.choices[0].finish_reason == "tool_calls"
    for call in reply.choices[0].message.tool_calls:
        assert call.function.name == "weather"
        assert Weather(**json.loads(call.function.arguments))


@pytest.mark.parametrize("asked", ["openai", "ollama_chat"], indirect=True)
def test_an_answer_follows_a_schema(asked: dict[str, Any]) -> None:
    reply = litellm.completion(messages=ASKED, response_format=Weather, **asked)
    assert Weather.model_validate_json(reply.choices[0].message.content)


def test_embeddings_are_made(url: str, key: str) -> None:
    """Not in Ollama's dialect: LiteLLM forgets the key there."""
    made = litellm.embedding(
        model="openai/any", input=["Paris", "Rome"], api_base=f"{url}/v1", api_key=key
    )
    assert [one["index"] for one in made.data] == [0, 1]
    assert made.data[0]["embedding"] != made.data[1]["embedding"]


def test_a_bad_request_is_its_own_error(asked: dict[str, Any]) -> None:
    with pytest.raises(litellm.exceptions.BadRequestError, match="temperature"):
        litellm.completion(messages=QUESTION, **asked | {"temperature": -1})


def test_a_wrong_key_is_its_own_error(asked: dict[str, Any]) -> None:
    with pytest.raises(litellm.exceptions.AuthenticationError, match="needs its key"):
        litellm.completion(messages=QUESTION, **asked | {"api_key": "wrong-key"})
