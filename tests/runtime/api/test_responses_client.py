"""The official client reads responses, whole and streamed, and goes on from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseReasoningItem,
)

from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Message, ToolCall
from runtime.api.served import StartServer
from runtime.api.spoken import SpokenSession, spoken

ADD: Any = {"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": True}
CALLS = ("think so", "say Well:", "call 0 call_a add", 'with 0 {"a":1}')
Connect = Callable[[Session], AbstractContextManager[openai.OpenAI]]


@pytest.fixture
def connect(start: StartServer, service: Service, tmp_path: Path) -> Connect:
    service.data_folder = tmp_path

    @contextmanager
    def connected(session: Session) -> Iterator[openai.OpenAI]:
        url = f"{start(session).url}v1"
        with openai.OpenAI(base_url=url, api_key="none", timeout=20, max_retries=0) as client:
            yield client
        if service.responses is not None:
            service.responses.close()

    return connected


def test_a_response_and_the_next(connect: Connect) -> None:
    session = SpokenSession(*spoken("say Hello"))
    with connect(session) as client:
        first = client.responses.create(model="any", input="Hi", metadata={"a": "b"})
        assert (first.output_text, first.status, first.metadata) == (
            "Hello",
            "completed",
            {"a": "b"},
        )
        assert first.usage
        assert first.usage.input_tokens_details.cached_tokens == 2
        second = client.responses.create(model="any", input="And?", previous_response_id=first.id)
        assert second.previous_response_id == first.id
        assert client.responses.retrieve(first.id).output_text == "Hello"
        (item,) = client.responses.input_items.list(first.id).data
        assert item.type == "message"
        client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(first.id)
    assert [message.content for message in session.chats[1].messages] == ["Hi", "Hello", "And?"]


def test_output_is_typed_and_can_be_sent_back(connect: Connect) -> None:
    session = SpokenSession(*spoken(*CALLS))
    with connect(session) as client:
        first = client.responses.create(model="any", input="Hi", tools=[ADD], store=False)
        reasoning, message, call = first.output
        assert isinstance(reasoning, ResponseReasoningItem)
        assert reasoning.content
        assert reasoning.content[0].text == "so"
        assert isinstance(message, ResponseOutputMessage)
        assert isinstance(call, ResponseFunctionToolCall)
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "2"}
        conversation: Any = [{"role": "user", "content": "Hi"}, *first.output, result]
        client.responses.create(model="any", input=conversation, tools=[ADD], store=False)
    assert session.chats[1].messages == (
        Message("user", "Hi"),
        Message(
            "assistant",
            "Well:",
            reasoning="so",
            tool_calls=(ToolCall("call_a", "add", '{"a":1}'),),
        ),
        Message("tool", "2", tool_call_id="call_a"),
    )


def test_a_stream_is_put_together(connect: Connect) -> None:
    with (
        connect(SpokenSession(*spoken(*CALLS))) as client,
        client.responses.stream(model="any", input="Hi", tools=[ADD]) as stream,
    ):
        events = [*stream]
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == [*range(len(events))]
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    thoughts = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert ("".join(texts), "".join(thoughts)) == ("Well:", "so")
    done = [e for e in events if e.type == "response.function_call_arguments.done"]
    assert [event.arguments for event in done] == ['{"a":1}']
    assert final.output_text == "Well:"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]


class City(pydantic.BaseModel):
    name: str
    people: int


def test_an_answer_is_parsed_into_a_model(connect: Connect) -> None:
    session = SpokenSession(*spoken('say {"name":"Bonn",', 'say "people":3}'))
    with connect(session) as client:
        parsed = client.responses.parse(model="any", input="Hi", text_format=City)
        assert parsed.output_parsed == City(name="Bonn", people=3)
        with client.responses.stream(model="any", input="Hi", text_format=City) as stream:
            assert stream.until_done().get_final_response().output_parsed == parsed.output_parsed
    assert session.chats[0].format is not None
    assert session.chats[0].format.kind == "json_schema"
    assert session.chats[0].format.value["required"] == ["name", "people"]


def test_a_summary_is_streamed(connect: Connect) -> None:
    with connect(SpokenSession(*spoken("think so", "say Hello"))) as client:
        events = [
            *client.responses.create(
                model="any", input="Hi", reasoning={"summary": "auto"}, stream=True
            )
        ]
    deltas = [e.delta for e in events if e.type == "response.reasoning_summary_text.delta"]
    assert deltas == ["so"]


def test_a_response_that_is_cut_off(connect: Connect) -> None:
    with connect(SpokenSession(*spoken("say Hel", reason="length"))) as client:
        events = [
            *client.responses.create(model="any", input="Hi", max_output_tokens=1, stream=True)
        ]
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"


def test_a_refusal_names_the_parameter(connect: Connect) -> None:
    with connect(SpokenSession()) as client, pytest.raises(openai.BadRequestError) as refusal:
        client.responses.create(model="any", input="Hi", background=True)
    assert refusal.value.param == "background"
