"""The openai package: calls of functions, structured output and log probabilities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, Field

ASKED: list[Any] = [{"role": "user", "content": "How warm is it in Paris?"}]
BOUNDED: Any = {"temperature": 0, "max_tokens": 120}


class Weather(BaseModel):
    """The weather in a city."""

    city: str = Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


class Clock(BaseModel):
    """The time now."""


WEATHER: Any = openai.pydantic_function_tool(Weather, name="weather")
CLOCK: Any = openai.pydantic_function_tool(Clock, name="clock")


@pytest.fixture
def client(url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as opened:
        yield opened


@pytest.fixture
def model(client: openai.OpenAI) -> str:
    return client.models.list().data[0].id


def test_a_required_call_and_its_result(client: openai.OpenAI, model: str) -> None:
    called = client.chat.completions.create(
        model=model,
        messages=ASKED,
        tools=[WEATHER, CLOCK],
        tool_choice="required",
        parallel_tool_calls=False,
        **BOUNDED,
    ).choices[0]
    assert called.finish_reason == "tool_calls"
    (call,) = called.message.tool_calls or []
    assert call.type == "function"
    assert call.function.name in ("weather", "clock")
    said: Any = called.message.model_dump(exclude_none=True)
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "20 degrees"}
    reply = client.chat.completions.create(
        model=model,
        messages=[*ASKED, said, result],
        tools=[WEATHER, CLOCK],
        tool_choice="none",
        **BOUNDED,
    ).choices[0]
    assert reply.message.content
    assert not reply.message.tool_calls


def test_a_named_call_is_parsed_into_a_type(client: openai.OpenAI, model: str) -> None:
    choice: Any = {"type": "function", "function": {"name": "weather"}}
    reply = client.chat.completions.parse(
        model=model, messages=ASKED, tools=[WEATHER, CLOCK], tool_choice=choice, **BOUNDED
    )
    (call,) = reply.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Weather)


def test_a_streamed_call_joins_to_the_whole_one(client: openai.OpenAI, model: str) -> None:
    choice: Any = {"type": "function", "function": {"name": "weather"}}
    asked: Any = {"model": model, "messages": ASKED, "tools": [WEATHER], "tool_choice": choice}
    whole = client.chat.completions.create(**asked, **BOUNDED).choices[0].message.tool_calls[0]
    with client.chat.completions.stream(**asked, **BOUNDED) as stream:
        pieces = [
            event.arguments_delta
            for event in stream
            if event.type == "tool_calls.function.arguments.delta"
        ]
        (call,) = stream.get_final_completion().choices[0].message.tool_calls or []
    assert len(pieces) > 3
    assert "".join(pieces) == call.function.arguments == whole.function.arguments
    assert isinstance(call.function.parsed_arguments, Weather)


def test_an_answer_is_parsed_into_a_type(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.parse(
        model=model, messages=ASKED, response_format=Weather, **BOUNDED
    )
    assert isinstance(reply.choices[0].message.parsed, Weather)


def test_a_stream_is_parsed_into_a_type(client: openai.OpenAI, model: str) -> None:
    with client.chat.completions.stream(
        model=model, messages=ASKED, response_format=Weather, **BOUNDED
    ) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Weather)


def test_an_answer_is_json(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Name one colour as a small JSON object."}],
        response_format={"type": "json_object"},
        **BOUNDED,
    )
    assert isinstance(json.loads(reply.choices[0].message.content or ""), dict)


def test_log_probabilities_are_told(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.create(
        model=model, messages=ASKED, logprobs=True, top_logprobs=3, temperature=0, max_tokens=4
    )
    assert reply.choices[0].logprobs is not None
    content = reply.choices[0].logprobs.content
    assert content
    for token in content:
        assert token.logprob <= 0
        assert token.logprob == pytest.approx(token.top_logprobs[0].logprob)
        assert len(token.top_logprobs) == 3


def test_a_schema_that_cannot_be_followed_is_refused(client: openai.OpenAI, model: str) -> None:
    schema: Any = {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="missing"):
        client.chat.completions.create(model=model, messages=ASKED, response_format=form, **BOUNDED)
