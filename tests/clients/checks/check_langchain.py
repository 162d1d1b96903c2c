"""LangChain: its models for OpenAI's and Ollama's servers, and for OpenAI's embeddings."""

# The package is only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from __future__ import annotations

from typing import Any, Literal

import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field, SecretStr

QUESTION = "Name the capital of France."


class Weather(BaseModel):
    """The weather in a city."""

    city: str = Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


@tool(args_schema=Weather)
def weather(city: str, unit: str) -> str:
    """The weather in a city."""
    return f"20 degrees {unit} in {city}"


@pytest.fixture
def asked(url: str, key: str) -> ChatOpenAI:
    return ChatOpenAI(
        model="any",
        base_url=f"{url}/v1",
        api_key=SecretStr(key),
        stream_usage=True,
        temperature=0,
        max_tokens=120,
        max_retries=0,
    )


@pytest.fixture
def ollama(url: str, key: str) -> ChatOllama:
    headers = {"headers": {"Authorization": f"Bearer {key}"}}
    return ChatOllama(
        model="any", base_url=url, client_kwargs=headers, temperature=0, num_predict=120
    )


@pytest.fixture(params=["asked", "ollama"])
def chat(request: pytest.FixtureRequest) -> BaseChatModel:
    model = request.getfixturevalue(request.param)
    assert isinstance(model, BaseChatModel)
    return model


def test_a_stream_joins_to_the_whole_answer(chat: BaseChatModel) -> None:
    whole = chat.invoke([("system", "Answer briefly."), ("user", QUESTION)])
    assert "Paris" in whole.text
    pieces = list(chat.stream([("system", "Answer briefly."), ("user", QUESTION)]))
    assert len(pieces) > 3
    assert "".join(piece.text for piece in pieces) == whole.text
    total = sum(piece.usage_metadata["total_tokens"] for piece in pieces if piece.usage_metadata)
    assert whole.usage_metadata is not None
    assert total == whole.usage_metadata["total_tokens"]


def test_a_required_call_and_its_result(asked: ChatOpenAI) -> None:
    bound = asked.bind_tools([weather], tool_choice="required", parallel_tool_calls=False)
    question = HumanMessage("How warm is it in Paris?")
    called = bound.invoke([question])
    assert not called.invalid_tool_calls
    results = [weather.invoke(call) for call in called.tool_calls]
    assert results
    assert all(isinstance(result, ToolMessage) for result in results)
    reply = asked.bind_tools([weather], tool_choice="none").invoke([question, called, *results])
    assert reply.text


def test_a_streamed_call_joins_to_the_whole_one(asked: ChatOpenAI) -> None:
    bound = asked.bind_tools([weather], tool_choice="weather")
    whole = bound.invoke("How warm is it in Paris?")
    joined: Any = None
    for piece in bound.stream("How warm is it in Paris?"):
        assert isinstance(piece, AIMessageChunk)
        joined = piece if joined is None else joined + piece
    assert whole.tool_calls
    assert [call["args"] for call in joined.tool_calls] == [
        call["args"] for call in whole.tool_calls
    ]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_openai_answers_are_parsed_into_a_type(asked: ChatOpenAI, method: Any) -> None:
    parsed = asked.with_structured_output(Weather, method=method)
    assert isinstance(parsed.invoke("How warm is it in Paris?"), Weather)


def test_ollama_answers_are_parsed_into_a_type(ollama: ChatOllama) -> None:
    parsed = ollama.with_structured_output(Weather, method="json_schema")
    assert isinstance(parsed.invoke("How warm is it in Paris?"), Weather)


def test_responses_are_understood(url: str, key: str) -> None:
    chat = ChatOpenAI(
        model="any",
        base_url=f"{url}/v1",
        api_key=SecretStr(key),
        use_responses_api=True,
        temperature=0,
        max_retries=0,
    )
    assert "Paris" in chat.invoke(QUESTION).text
    assert "Paris" in "".join(piece.text for piece in chat.stream(QUESTION))


def test_a_bad_request_is_openais_error(url: str, key: str) -> None:
    chat = ChatOpenAI(
        model="any",
        base_url=f"{url}/v1",
        api_key=SecretStr(key),
        temperature=-1,
        max_retries=0,
    )
    with pytest.raises(openai.BadRequestError, match="temperature"):
        chat.invoke(QUESTION)
