"""The openai package: responses, their events, and conversations that the server remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, Field

QUESTION = "Name the capital of France."
BOUNDED: Any = {"temperature": 0, "max_output_tokens": 120}


class Weather(BaseModel):
    """The weather in a city."""

    city: str = Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


TOOL: Any = {
    "type": "function",
    "name": "weather",
    "parameters": Weather.model_json_schema() | {"additionalProperties": False},
    "strict": True,
}


@pytest.fixture
def client(url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as opened:
        yield opened


@pytest.fixture
def model(client: openai.OpenAI) -> str:
    return client.models.list().data[0].id


def test_a_stream_joins_to_the_whole_response(client: openai.OpenAI, model: str) -> None:
    asked: Any = {"model": model, "input": QUESTION, "instructions": "Answer briefly."}
    whole = client.responses.create(**asked, **BOUNDED)
    assert "Paris" in whole.output_text
    assert whole.status == "completed"
    with client.responses.stream(**asked, **BOUNDED) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(pieces) > 3
    assert "".join(pieces) == final.output_text == whole.output_text
    assert final.usage is not None
    assert whole.usage is not None
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_a_response_is_remembered_followed_and_forgotten(client: openai.OpenAI, model: str) -> None:
    first = client.responses.create(model=model, input=QUESTION, **BOUNDED)
    assert client.responses.retrieve(first.id).output_text == first.output_text
    second = client.responses.create(
        model=model, input="Repeat that sentence.", previous_response_id=first.id, **BOUNDED
    )
    assert "Paris" in second.output_text
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)


def test_what_is_not_stored_is_not_remembered(client: openai.OpenAI, model: str) -> None:
    reply = client.responses.create(model=model, input=QUESTION, store=False, **BOUNDED)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(reply.id)


def test_a_required_call_and_its_result(client: openai.OpenAI, model: str) -> None:
    called = client.responses.create(
        model=model,
        input="How warm is it in Paris?",
        tools=[TOOL],
        tool_choice="required",
        parallel_tool_calls=False,
        **BOUNDED,
    )
    (call,) = [item for item in called.output if item.type == "function_call"]
    assert Weather(**json.loads(call.arguments))
    result: Any = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": "20 degrees",
    }
    reply = client.responses.create(
        model=model, previous_response_id=called.id, input=[result], **BOUNDED
    )
    assert reply.output_text


def test_a_required_call_is_streamed(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(
        model=model,
        input="How warm is it in Paris?",
        tools=[TOOL],
        tool_choice={"type": "function", "name": "weather"},
        **BOUNDED,
    ) as stream:
        pieces = [
            event.delta
            for event in stream
            if event.type == "response.function_call_arguments.delta"
        ]
    assert Weather(**json.loads("".join(pieces)))


def test_an_answer_is_parsed_into_a_type(client: openai.OpenAI, model: str) -> None:
    reply = client.responses.parse(
        model=model, input="How warm is it in Paris?", text_format=Weather, **BOUNDED
    )
    assert isinstance(reply.output_parsed, Weather)


def test_a_bad_request_names_the_parameter(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input=QUESTION, temperature=-1)
    assert caught.value.param == "temperature"
