"""The anthropic package: messages, streams, tools, and counting tokens."""

# The package is only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import anthropic
import pytest
from pydantic import BaseModel

# The package has no parameter for it any more; it still passes on what it does not know.
GREEDY = {"temperature": 0}
QUESTION: list[Any] = [{"role": "user", "content": "Name the capital of France."}]
WEATHER: Any = {
    "name": "weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 30},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}


class Weather(BaseModel):
    city: str
    unit: Literal["celsius", "fahrenheit"]


@pytest.fixture
def client(url: str, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=60) as opened:
        yield opened


@pytest.fixture
def model(client: anthropic.Anthropic) -> str:
    return str(client.models.list().data[0].id)


def test_the_model_is_listed_and_found(client: anthropic.Anthropic, model: str) -> None:
    assert client.models.retrieve(model).id == model


def test_a_stream_joins_to_the_whole_message(client: anthropic.Anthropic, model: str) -> None:
    asked: Any = {"model": model, "messages": QUESTION, "max_tokens": 24, "extra_body": GREEDY}
    whole = client.messages.create(**asked, system="Answer briefly.")
    assert whole.content[0].type == "text"
    assert "Paris" in whole.content[0].text
    with client.messages.stream(**asked, system="Answer briefly.") as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 3
    assert "".join(pieces) == whole.content[0].text
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_stop_sequences_and_the_limit_are_named(client: anthropic.Anthropic, model: str) -> None:
    asked: Any = {"model": model, "messages": QUESTION, "extra_body": GREEDY}
    stopped = client.messages.create(**asked, max_tokens=24, stop_sequences=["Paris"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "Paris")
    assert client.messages.create(**asked, max_tokens=1).stop_reason == "max_tokens"


def _check_call(message: Any) -> str:
    """The id of the only call, which must be right."""
    assert message.stop_reason == "tool_use"
    (call,) = [block for block in message.content if block.type == "tool_use"]
    assert call.name == "weather"
    assert set(call.input) == {"city", "unit"}
    assert call.input["unit"] in ("celsius", "fahrenheit")
    assert isinstance(call.input["city"], str)
    return str(call.id)


@pytest.mark.parametrize("choice", ["any", "tool"])
def test_a_required_call_and_its_result(
    client: anthropic.Anthropic, model: str, choice: str
) -> None:
    chosen: Any = {"type": choice, "disable_parallel_tool_use": True}
    if choice == "tool":
        chosen["name"] = "weather"
    messages: list[Any] = [{"role": "user", "content": "How warm is it in Paris?"}]
    asked: Any = {"model": model, "tools": [WEATHER], "extra_body": GREEDY, "max_tokens": 120}
    called = client.messages.create(**asked, messages=messages, tool_choice=chosen)
    result = {"type": "tool_result", "tool_use_id": _check_call(called), "content": "20 degrees"}
    messages += [
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": [result]},
    ]
    reply = client.messages.create(**asked, messages=messages, tool_choice={"type": "none"})
    assert [block.type for block in reply.content] == ["text"]


def test_a_required_call_is_streamed(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(
        model=model,
        messages=[{"role": "user", "content": "How warm is it in Paris?"}],
        tools=[WEATHER],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        extra_body=GREEDY,
        max_tokens=120,
    ) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    assert len(pieces) > 3
    _check_call(final)


def test_tokens_are_counted_as_the_message_counts_them(
    client: anthropic.Anthropic, model: str
) -> None:
    asked: Any = {"model": model, "messages": QUESTION, "system": "Answer briefly."}
    counted = client.messages.count_tokens(**asked).input_tokens
    usage = client.messages.create(**asked, max_tokens=4).usage
    read = usage.cache_read_input_tokens or 0
    assert counted == usage.input_tokens + read + (usage.cache_creation_input_tokens or 0)
    assert client.messages.count_tokens(**asked, tools=[WEATHER]).input_tokens > counted


def test_an_answer_is_parsed_into_a_type(client: anthropic.Anthropic, model: str) -> None:
    reply = client.messages.parse(
        model=model,
        messages=[{"role": "user", "content": "How warm is it in Paris?"}],
        output_format=Weather,
        max_tokens=120,
        extra_body=GREEDY,
    )
    assert isinstance(reply.parsed_output, Weather)


def test_thinking_can_be_off(client: anthropic.Anthropic, model: str) -> None:
    reply = client.messages.create(
        model=model,
        messages=QUESTION,
        max_tokens=24,
        extra_body=GREEDY,
        thinking={"type": "disabled"},
    )
    assert [block.type for block in reply.content] == ["text"]


def test_errors_say_what_is_wrong(client: anthropic.Anthropic, model: str, url: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        client.messages.create(
            model=model, messages=QUESTION, max_tokens=4, extra_body={"temperature": -1}
        )
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nothing-like-it")
    with (
        anthropic.Anthropic(base_url=url, api_key="wrong-key", max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError, match="needs its key") as caught,
    ):
        stranger.models.list()
    assert caught.value.type == "authentication_error"


async def _streamed(url: str, key: str, model: str) -> str:
    async with (
        anthropic.AsyncAnthropic(base_url=url, auth_token=key, max_retries=0) as client,
        client.messages.stream(
            model=model, messages=QUESTION, max_tokens=24, extra_body=GREEDY
        ) as stream,
    ):
        return str(await stream.get_final_text())


def test_the_asynchronous_client_streams(url: str, key: str, model: str) -> None:
    assert "Paris" in asyncio.run(_streamed(url, key, model))
