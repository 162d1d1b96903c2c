"""The openai package: chat, completions and the list of models."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "Name the capital of France."}
]


@pytest.fixture
def client(url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as opened:
        yield opened


@pytest.fixture
def model(client: openai.OpenAI) -> str:
    return client.models.list().data[0].id


def test_the_model_is_listed_and_found(client: openai.OpenAI, model: str) -> None:
    assert client.models.retrieve(model).id == model
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-9'"):
        client.models.retrieve("gpt-9")


def test_a_stream_joins_to_the_whole_answer(client: openai.OpenAI, model: str) -> None:
    whole = client.chat.completions.create(
        model=model, messages=QUESTION, temperature=0, max_tokens=24
    )
    text = whole.choices[0].message.content
    assert text is not None
    assert "Paris" in text
    assert whole.usage is not None
    with client.chat.completions.stream(
        model=model,
        messages=QUESTION,
        temperature=0,
        max_tokens=24,
        stream_options={"include_usage": True},
    ) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert len(pieces) > 3
    assert "".join(pieces) == text == final.choices[0].message.content
    assert final.choices[0].finish_reason == whole.choices[0].finish_reason
    assert final.usage is not None
    assert final.usage.completion_tokens == whole.usage.completion_tokens


def test_several_choices_and_stop_strings(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.create(
        model=model, messages=QUESTION, n=2, seed=1, max_completion_tokens=16, stop=["."]
    )
    assert [choice.index for choice in reply.choices] == [0, 1]
    assert all("." not in (choice.message.content or "") for choice in reply.choices)


def test_a_conversation_goes_on(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "developer", "content": "Answer briefly."},
            {"role": "user", "content": [{"type": "text", "text": "Name the capital of France."}]},
            {"role": "assistant", "content": "The capital of France is Paris."},
            {"role": "user", "content": "Repeat that sentence."},
        ],
        temperature=0,
        max_tokens=16,
    )
    assert "Paris" in (reply.choices[0].message.content or "")


def test_completions_whole_and_streamed(client: openai.OpenAI, model: str) -> None:
    whole = client.completions.create(
        model=model, prompt="One, two, three,", max_tokens=8, temperature=0
    )
    chunks = client.completions.create(
        model=model, prompt="One, two, three,", max_tokens=8, temperature=0, stream=True
    )
    assert "four" in whole.choices[0].text
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text


def test_a_bad_request_names_the_parameter(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=QUESTION, temperature=-1)
    assert caught.value.param == "temperature"
    assert "temperature" in caught.value.message


def test_a_wrong_key_is_refused(url: str) -> None:
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong-key", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="needs its key"),
    ):
        client.models.list()


async def _streamed(url: str, key: str) -> str:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="any", messages=QUESTION, temperature=0, max_tokens=24, stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def test_the_asynchronous_client_streams(url: str, key: str) -> None:
    assert "Paris" in asyncio.run(_streamed(url, key))
