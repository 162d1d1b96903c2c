"""Tools in words, for templates that show none or only a part of them."""

from __future__ import annotations

from llamapack_runtime.chat.template import TemplateCapabilities
from llamapack_runtime.chat.tools.generic import with_tools, with_words
from llamapack_runtime.chat.types import Message, Tool, ToolCall

CALLS = (ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", ""))
ASKED = Message("assistant", "Wait.", tool_calls=CALLS)
RESULTS = (Message("tool", "A", tool_call_id="a"), Message("tool", "B", tool_call_id="b"))
USER = Message("user", "Hi")


def can(**shows: bool) -> TemplateCapabilities:
    return TemplateCapabilities("", frozenset(), **shows)


def test_tools_join_the_system_message() -> None:
    tool = Tool("f", "Does ü.", {"type": "object"})
    alone, joined = with_tools([USER], [tool]), with_tools([Message("system", "Be."), USER], [tool])
    assert (alone[0].role, alone[1:]) == ("system", [USER])
    assert joined[0].content == f"Be.\n\n{alone[0].content}"
    assert '"description": "Does ü."' in alone[0].content


def test_calls_and_results_become_words() -> None:
    call, results = with_words([ASKED, *RESULTS], can(), is_native=False)
    assert call.tool_calls == ()
    assert call.content.startswith('Wait.\n<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n')
    assert call.content.endswith('{"name": "g", "arguments": {}}\n</tool_call>')
    assert results.role == "user"
    assert results.content.split("\n")[1::3] == ["A", "B"]


def test_what_a_template_shows_it_is_left() -> None:
    shows = can(shows_tool_calls=True, shows_parallel_calls=True, shows_tool_results=True)
    messages = [USER, ASKED, *RESULTS]
    assert with_words(messages, shows, is_native=True) == messages


def test_a_template_for_single_calls_gets_them_one_by_one() -> None:
    shows = can(shows_tool_calls=True, shows_tool_results=True)
    messages = with_words([USER, ASKED, *RESULTS, USER], shows, is_native=True)
    assert [m.tool_calls or m.content for m in messages] == [
        *("Hi", CALLS[:1], "A", CALLS[1:], "B", "Hi")
    ]
    assert [m.content for m in messages if m.tool_calls] == ["Wait.", ""]
