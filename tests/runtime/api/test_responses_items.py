"""The items of a conversation: what clients may send, and the messages that they become."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from llamapack_runtime.api.body import to_struct
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.openai.responses.items import to_items, to_messages
from llamapack_runtime.api.openai.responses.questions import prepared, to_chat
from llamapack_runtime.api.openai.responses.requests import ResponsesRequest
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Chat, Message, ToolCall
from runtime.api.prepared import PreparedSession

REASONING = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "2+2"}]}
CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
OTHER_CALL = {"type": "function_call", "call_id": "c2", "name": "add", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "4"}
SAID = {"type": "message", "role": "assistant", "content": "Four"}
ASKED = {"role": "user", "content": "2+2?"}


def messages(*items: dict[str, Any]) -> list[Message]:
    return [*to_messages(to_items([*items]))]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([ASKED], [Message("user", "2+2?")]),
        ([{"role": "developer", "content": "Be."}], [Message("developer", "Be.")]),
        (
            [{"role": "user", "content": [{"type": "input_text", "text": t} for t in "ab"]}],
            [Message("user", "ab")],
        ),
        (
            [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
            [Message("assistant", "No.")],
        ),
        (
            [REASONING, SAID, CALL, OTHER_CALL, RESULT],
            [
                Message(
                    "assistant",
                    "Four",
                    reasoning="2+2",
                    tool_calls=(ToolCall("c1", "add", "{}"), ToolCall("c2", "add", "{}")),
                ),
                Message("tool", "4", tool_call_id="c1"),
            ],
        ),
        (
            [CALL, RESULT, REASONING, SAID],
            [
                Message("assistant", "", tool_calls=(ToolCall("c1", "add", "{}"),)),
                Message("tool", "4", tool_call_id="c1"),
                Message("assistant", "Four", reasoning="2+2"),
            ],
        ),
        ([SAID, SAID], [Message("assistant", "Four"), Message("assistant", "Four")]),
        # Two thoughts before the words are one.
        ([REASONING, REASONING, SAID], [Message("assistant", "Four", reasoning="2+22+2")]),
        # An answer that was cut off while it was thinking said nothing.
        ([REASONING, ASKED], [Message("user", "2+2?")]),
        (
            [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]}, SAID],
            [Message("assistant", "Four", reasoning="a")],
        ),
        (
            [{"type": "reasoning", "summary": [], "encrypted_content": "x"}, SAID],
            [Message("assistant", "Four")],
        ),
        (
            [CALL, {**RESULT, "output": [{"type": "input_text", "text": "4"}]}],
            [
                Message("assistant", "", tool_calls=(ToolCall("c1", "add", "{}"),)),
                Message("tool", "4", tool_call_id="c1"),
            ],
        ),
    ],
)
def test_items_become_messages(items: list[dict[str, Any]], expected: list[Message]) -> None:
    assert messages(*items) == expected


def test_items_are_completed_and_stay_as_they_are() -> None:
    once = to_items([ASKED, REASONING, SAID, CALL, RESULT])
    assert [item["id"].partition("_")[0] for item in once] == ["msg", "rs", "msg", "fc", "fco"]
    assert {item["status"] for item in once} == {"completed"}
    assert once[2]["content"] == [
        {"type": "output_text", "text": "Four", "annotations": [], "logprobs": []}
    ]
    assert to_items(once) == once


def test_a_text_is_a_users_message() -> None:
    (item,) = to_items("Hi")
    assert (item["type"], item["role"]) == ("message", "user")
    assert item["content"] == [{"type": "input_text", "text": "Hi"}]
    assert to_items(None) == []


@pytest.mark.parametrize(
    ("item", "param", "status"),
    [
        ({"type": "item_reference", "id": "x"}, "input[0].type", 400),
        ({"type": "web_search_call"}, "input[0].type", 400),
        ({"type": ["message"]}, "input[0].type", 400),
        ({"role": "tool", "content": "x"}, "input[0].role", 400),
        ({"role": 7, "content": "x"}, "input[0].role", 400),
        ({"role": "user"}, "input[0].content", 400),
        ({"role": "user", "content": [7]}, "input[0].content[0]", 400),
        ({"role": "user", "content": "x", "extra": 1}, "input[0].extra", 400),
        ({"role": "user", "content": "x", "id": 7}, "input[0].id", 400),
        ({"role": "user", "content": "x", "status": "done"}, "input[0].status", 400),
        ({"role": "user", "content": "x", "status": ["a"]}, "input[0].status", 400),
        (
            {"role": "user", "content": [{"type": "input_file", "file_id": "x"}]},
            "input[0].content[0]",
            501,
        ),
        ({"type": "function_call", "call_id": "c"}, "input[0].name", 400),
        ({**CALL, "arguments": {}}, "input[0].arguments", 400),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id", 400),
        ({"type": "function_call_output", "call_id": "c"}, "input[0].output", 400),
        ({"type": "reasoning", "content": "x"}, "input[0].content", 400),
        ({"type": "reasoning", "summary": [{}]}, "input[0].summary", 400),
    ],
)
def test_a_wrong_item_is_named(item: dict[str, Any], param: str, status: int) -> None:
    with pytest.raises(ApiError) as error:
        to_items([item])
    assert (error.value.param, error.value.status) == (param, status)


def turns(count: int) -> list[dict[str, Any]]:
    system = {"role": "system", "content": "S"}
    pairs = [
        ({"role": "user", "content": f"u{i}" + "x" * 20}, {"role": "assistant", "content": "a"})
        for i in range(count)
    ]
    return [system, *(one for pair in pairs for one in pair), {"role": "user", "content": "last"}]


def prompt_of(session: Session, items: list[dict[str, Any]], **asked: Any) -> Prompt:
    request = to_struct({"input": items} | asked, ResponsesRequest)
    return prepared(session, to_chat(request, to_items(items)), request)


def text(prompt: Prompt) -> str:
    return bytes(token for token in prompt.tokens if token < 256).decode()


def test_the_oldest_turns_make_room(make_session: Callable[..., Session]) -> None:
    session = make_session(n_ctx=256)
    asked = {"truncation": "auto", "max_output_tokens": 20}
    whole = prompt_of(session, turns(2), **asked)
    assert "u0" in text(whole)
    cut = prompt_of(session, turns(40), **asked)
    assert len(cut.tokens) <= 256 - 20
    assert "S" in text(cut)
    assert "u39" in text(cut)
    assert "u0" not in text(cut)
    assert "last" in text(cut)
    # As much as fits is kept: one more turn would be too much.
    assert len(cut.tokens) > 256 - 20 - 60
    assert len(prompt_of(session, turns(40)).tokens) > 256


class CountingSession(PreparedSession):
    """A token for each message."""

    def prepare(self, chat: Chat) -> Prompt:
        return Prompt((1,) * len(chat.messages))


def test_very_many_turns_are_cut_without_a_copy_for_each() -> None:
    user = Message("user", "a")
    request = to_struct({"truncation": "auto", "max_output_tokens": 12}, ResponsesRequest)
    tracemalloc.start()
    try:
        cut = prepared(CountingSession(), Chat((user,) * 4000), request)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(cut.tokens) == 512 - 12
    assert peak_bytes < 4 << 20  # with a copy for each: 64 MB


def test_a_last_message_that_is_too_long_is_left_to_the_engine(
    make_session: Callable[..., Session],
) -> None:
    session = make_session(n_ctx=256)
    items = [*turns(3), {"role": "user", "content": "y" * 500}]
    assert len(prompt_of(session, items, truncation="auto").tokens) > 500
