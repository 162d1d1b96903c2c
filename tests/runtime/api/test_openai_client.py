"""The official client reads every shape of chat's and completion's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import openai
import pydantic
import pytest

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import AnswerFormat, Message, NamedTool, ToolCall
from llamapack_runtime.engine.types import Candidate, Event, Finished, SampledToken, TextDelta
from runtime.api.served import StartServer
from runtime.api.spoken import SpokenSession, spoken

USER: Any = [{"role": "user", "content": "Hi"}]
ADD: Any = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
Connect = Callable[[Session], AbstractContextManager[openai.OpenAI]]


@pytest.fixture
def connect(start: StartServer) -> Connect:
    @contextmanager
    def connected(session: Session) -> Iterator[openai.OpenAI]:
        url = f"{start(session).url}v1"
        with openai.OpenAI(base_url=url, api_key="none", timeout=20, max_retries=0) as client:
            yield client

    return connected


def test_tool_calls_there_and_back(connect: Connect) -> None:
    session = SpokenSession(*spoken("think so", "call 0 call_a add", 'with 0 {"a":1}'))
    with connect(session) as client:
        options: Any = {"type": "function", "function": {"name": "add"}}
        reply = client.chat.completions.create(
            model="any", messages=USER, tools=[ADD], tool_choice=options
        )
        message: Any = reply.choices[0].message
        assert reply.choices[0].finish_reason == "tool_calls"
        assert message.content is None
        assert message.tool_calls
        assert message.tool_calls[0].type == "function"
        assert message.tool_calls[0].function.arguments == '{"a":1}'
        answer: Any = {"role": "tool", "tool_call_id": "call_a", "content": "2"}
        client.chat.completions.create(model="any", messages=[*USER, message, answer])
    assert session.chats[0].tool_choice == NamedTool("add")
    assert session.chats[1].messages[1:] == (
        Message(
            "assistant", "", reasoning="so", tool_calls=(ToolCall("call_a", "add", '{"a":1}'),)
        ),
        Message("tool", "2", tool_call_id="call_a"),
    )


def test_streamed_tool_calls_are_put_together(connect: Connect) -> None:
    events = spoken("call 0 call_a add", "with 0 {", "with 0 }", "call 1 call_b add", "with 1 {}")
    with (
        connect(SpokenSession(*events)) as client,
        client.chat.completions.stream(model="any", messages=USER, tools=[ADD]) as stream,
    ):
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert [(event.index, event.name, event.arguments) for event in done] == [
        (0, "add", "{}"),
        (1, "add", "{}"),
    ]
    assert [call.id for call in calls or ()] == ["call_a", "call_b"]


class City(pydantic.BaseModel):
    name: str
    people: int


def test_an_answer_is_parsed_into_a_model(connect: Connect) -> None:
    session = SpokenSession(*spoken('say {"name":"Bonn",', 'say "people":3}'))
    with connect(session) as client:
        reply = client.chat.completions.parse(model="any", messages=USER, response_format=City)
    assert reply.choices[0].message.parsed == City(name="Bonn", people=3)
    assert isinstance(session.chats[0].format, AnswerFormat)
    assert session.chats[0].format.kind == "json_schema"
    assert session.chats[0].format.value["required"] == ["name", "people"]


def test_probabilities_of_chat_and_completion(connect: Connect) -> None:
    chosen = Candidate(7, b"Hi", -0.5)
    events: list[Event] = [
        TextDelta("say Hi", 1, (SampledToken(7, chosen, (chosen,)),)),
        Finished("stop", 5, 0, 1, 0.1, 0.1),
    ]
    with connect(SpokenSession(*events)) as client:
        chat = client.chat.completions.create(
            model="any", messages=USER, logprobs=True, top_logprobs=1
        )
        assert chat.choices[0].logprobs
        assert chat.choices[0].logprobs.content
        assert chat.choices[0].logprobs.content[0].top_logprobs[0].bytes == [72, 105]
        plain = client.completions.create(model="any", prompt=[1, 2], logprobs=1)
        assert plain.choices[0].logprobs
        assert plain.choices[0].logprobs.top_logprobs == [{"Hi": -0.5}]


def test_a_stream_ends_with_usage(connect: Connect) -> None:
    with connect(SpokenSession(*spoken("think a", "say b"))) as client:
        chunks = [
            *client.chat.completions.create(
                model="any", messages=USER, stream=True, stream_options={"include_usage": True}
            )
        ]
    usage = chunks[-1].usage
    assert usage
    assert usage.prompt_tokens_details
    assert usage.prompt_tokens_details.cached_tokens == 2
    assert usage.completion_tokens_details
    assert usage.completion_tokens_details.reasoning_tokens == 2


def test_a_refusal_names_the_parameter(connect: Connect) -> None:
    with connect(SpokenSession()) as client, pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(model="any", messages=USER, top_logprobs=3)
    assert refusal.value.param == "top_logprobs"


def test_models(connect: Connect) -> None:
    with connect(SpokenSession()) as client:
        assert [model.id for model in client.models.list()] == ["test-model"]
        assert client.models.retrieve("test-model").owned_by == "llamapack"
