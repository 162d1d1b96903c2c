"""LlamaIndex: its model and embeddings for servers that are like OpenAI's."""

# The package is only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
from typing import Any, Literal

import openai
import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field

QUESTION = "Name the capital of France."


class Weather(BaseModel):
    """The weather in a city."""

    city: str = Field(max_length=30)
    unit: Literal["celsius", "fahrenheit"]


def weather(city: str, unit: Literal["celsius", "fahrenheit"]) -> str:
    """The weather in a city."""
    return f"20 degrees {unit} in {city}"


@pytest.fixture
def asked(url: str, key: str) -> OpenAILike:
    return _model(url, key)


def _model(url: str, key: str, **more: Any) -> OpenAILike:
    return OpenAILike(
        model="any",
        api_base=f"{url}/v1",
        api_key=key,
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        context_window=4096,
        temperature=0,
        max_tokens=120,
        max_retries=0,
        additional_kwargs=more,
    )


def test_a_stream_joins_to_the_whole_answer(asked: OpenAILike) -> None:
    messages = [
        ChatMessage(role="system", content="Answer briefly."),
        ChatMessage(role="user", content=QUESTION),
    ]
    whole = asked.chat(messages).message.content
    assert "Paris" in str(whole)
    pieces = [piece.delta or "" for piece in asked.stream_chat(messages)]
    assert len(pieces) > 3
    assert "".join(pieces) == whole


def test_the_asynchronous_model_answers(asked: OpenAILike) -> None:
    async def ask() -> str:
        return str(await asked.acomplete(QUESTION))

    assert "Paris" in asyncio.run(ask())


def test_a_required_call_is_made(asked: OpenAILike) -> None:
    offered: Any = [FunctionTool.from_defaults(weather, fn_schema=Weather)]
    reply = asked.chat_with_tools(offered, user_msg="How warm is it in Paris?", tool_required=True)
    calls = asked.get_tool_calls_from_response(reply, error_on_no_tool_call=True)
    assert calls
    assert all(weather(**call.tool_kwargs) for call in calls)


def test_an_answer_is_parsed_into_a_type(asked: OpenAILike) -> None:
    parsed = asked.as_structured_llm(Weather).complete("How warm is it in Paris?").raw
    assert isinstance(parsed, Weather)


def test_embeddings_are_made(url: str, key: str) -> None:
    made = OpenAILikeEmbedding(
        model_name="any", api_base=f"{url}/v1", api_key=key, max_retries=0
    ).get_text_embedding_batch([QUESTION, "Paris", QUESTION])
    assert made[0] == pytest.approx(made[2], abs=1e-3)
    assert made[0] != pytest.approx(made[1], abs=1e-2)


def test_errors_are_openais(url: str, key: str) -> None:
    with pytest.raises(openai.BadRequestError, match="top_p"):
        _model(url, key, top_p=2).complete(QUESTION)
    with pytest.raises(openai.AuthenticationError, match="needs its key"):
        _model(url, "wrong-key").complete(QUESTION)
