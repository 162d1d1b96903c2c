"""What each family writes is read, however it is split, and is what its grammar allows."""

from __future__ import annotations

import pytest

from llamapack_runtime.chat.parts import Content
from llamapack_runtime.chat.tools.calls import Allowed
from runtime.chat.tools.answers import calls_in, content_in, matches, parts
from runtime.chat.tools.transcripts import ANSWERS, CALLS, TIME, TOOLS, WEATHER

EACH = pytest.mark.parametrize("name", ANSWERS)


def expected(name: str) -> list[tuple[str, object]]:
    return list(CALLS[:1] if name == "harmony" else CALLS)


@EACH
def test_calls_are_read(name: str) -> None:
    format_, text, has_words = ANSWERS[name]
    found = parts(format_, [text])
    assert calls_in(found) == expected(name)
    assert content_in(found) == ("Hm." if has_words else "")


@EACH
def test_a_split_changes_nothing(name: str) -> None:
    format_, text, _ = ANSWERS[name]
    whole = parts(format_, [text])
    for at in range(len(text)):
        assert parts(format_, [text[:at], text[at:]]) == whole, (text[:at], text[at:])
    assert parts(format_, list(text)) == whole


@EACH
def test_an_answer_that_is_cut_off_has_whole_arguments(name: str) -> None:
    format_, text, _ = ANSWERS[name]
    for at in range(len(text)):
        for called, arguments in calls_in(parts(format_, [text[:at]])):
            assert called in ("get_weather", "now")
            assert isinstance(arguments, dict)


@EACH
def test_a_mark_that_is_cut_off_is_not_told(name: str) -> None:
    """By max_tokens: no piece of a call comes out as words, however it was streamed."""
    format_, text, _ = ANSWERS[name]
    words = content_in(parts(format_, [text]))
    for end in range(len(text)):
        found = parts(format_, [text[:end]], is_cut_off=True)
        assert words.startswith(content_in(found).strip()), text[:end]
        assert parts(format_, [*text[:end]], is_cut_off=True) == found


def test_an_object_that_is_no_call_may_be_cut_off() -> None:
    format_, _, _ = ANSWERS["llama"]
    assert parts(format_, ['{"city": "Ro'], is_cut_off=True) == [Content('{"city": "Ro')]


@EACH
def test_the_grammar_allows_what_the_family_writes(name: str) -> None:
    format_, text, has_words = ANSWERS[name]
    assert matches(format_, Allowed(TOOLS), text) == ""
    if has_words and name != "harmony":
        assert matches(format_, Allowed(TOOLS), "all\nHm." if "3.2" in name else "Hm.") == ""
        assert matches(format_, Allowed(TOOLS, is_required=True), text) == text
    bare = text.replace("all\nHm.>>>", "").replace("Hm.", "")
    assert matches(format_, Allowed(TOOLS, is_required=True), bare) == ""


@EACH
def test_one_call_where_they_are_not_parallel(name: str) -> None:
    format_, text, _ = ANSWERS[name]
    if name != "harmony":
        left = matches(format_, Allowed(TOOLS, is_parallel=False), text)
        assert left not in ("", "end")
        assert "now" in left


@EACH
def test_only_a_tool_that_may_be_called(name: str) -> None:
    format_, text, _ = ANSWERS[name]
    assert "get_weather"[1:] in matches(format_, Allowed((TIME,)), text)
    assert "now"[1:] in matches(format_, Allowed((WEATHER,)), text) or name == "harmony"


@EACH
def test_arguments_must_match_their_schema(name: str) -> None:
    format_, text, _ = ANSWERS[name]
    for right, wrong in (("2", "x"), ("days", "dogs"), ("get_weather", "get_feather")):
        left = matches(format_, Allowed(TOOLS), text.replace(right, wrong))
        assert left not in ("", "end"), wrong


@EACH
def test_a_call_of_an_unknown_tool_is_content(name: str) -> None:
    format_, text, _ = ANSWERS[name]
    found = parts(format_, [text], ())
    assert calls_in(found) == []
    if not format_.reads_all:
        assert content_in(found).replace("\n", "") == text.replace("\n", "")
