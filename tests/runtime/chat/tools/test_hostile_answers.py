"""Whatever a model writes, it is read: no error, whole arguments, and the same for any split."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamapack_runtime.chat.parts import CallBegins, Content
from llamapack_runtime.chat.tools.partial_json import MAX_DEPTH, JsonText
from runtime.chat.tools.answers import calls_in, content_in, parts
from runtime.chat.tools.transcripts import ANSWERS

EACH = pytest.mark.parametrize("name", ANSWERS)
# Those that look for calls in what is content otherwise.
SEARCHING = pytest.mark.parametrize(
    "name", [name for name, (format_, *_) in ANSWERS.items() if not format_.reads_all]
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
_PIECE = re.compile(r"\w+|\s+|[^\w\s]+")
_JUNK = st.text(alphabet='{}[]":,\\<>|/ \nae0-é😀', max_size=6)


@st.composite
def broken(draw: st.DrawFn, text: str) -> list[str]:
    """The pieces of an answer, of which some are missing, repeated or junk."""
    pieces = _PIECE.findall(text)
    changes = st.sampled_from(["keep"] * 12 + ["drop", "twice", "junk", "end"])
    result: list[str] = []
    for piece in pieces:
        match draw(changes):
            case "keep":
                result.append(piece)
            case "twice":
                result += [piece, piece]
            case "junk":
                result.append(draw(_JUNK))
            case "end":
                break
    return result


@EACH
def test_broken_answers_are_read(name: str) -> None:
    format_, text, _ = ANSWERS[name]

    @QUICK
    @given(broken(text), st.lists(st.integers(0, 400), max_size=4))
    def check(pieces: list[str], cuts: list[int]) -> None:
        whole = "".join(pieces)
        found = parts(format_, [whole])
        calls = calls_in(found)
        assert all(name in ("get_weather", "now") for name, _ in calls)
        assert all(isinstance(arguments, dict) for _, arguments in calls)
        assert parts(format_, pieces) == found
        ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
        starts = [0, *ends[:-1]]
        split = [whole[a:b] for a, b in zip(starts, ends, strict=True)]
        assert parts(format_, split) == found

    check()


@SEARCHING
@QUICK
@given(text=st.text(max_size=80))
def test_plain_text_is_content(name: str, text: str) -> None:
    format_, _, _ = ANSWERS[name]
    found = parts(format_, [text])
    if not any(mark in text for mark in ("[", "<", "{", "A", "f")):
        assert content_in(found).strip() == text.strip()


@SEARCHING
def test_half_a_mark_at_the_end_is_content(name: str) -> None:
    format_, _, _ = ANSWERS[name]
    assert format_.opening
    for end in range(1, len(format_.opening)):
        half = format_.opening[:end]
        assert parts(format_, ["Hm", half]) == [Content(f"Hm{half}")]


def test_a_call_that_breaks_before_its_arguments_is_content() -> None:
    hermes = ANSWERS["hermes"][0]
    for text in (
        '<tool_call>{"name": "get_weather", "arguments": "x"}</tool_call>',
        '<tool_call>{"name": "nobody", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "get_weather"',
        "<tool_call>[]</tool_call>",
        '<tool_call> {"arguments": {"city": "Rome"}} </tool_call> and more',
    ):
        assert parts(hermes, [text]) == [Content(text)]


def test_arguments_may_come_before_the_name() -> None:
    hermes = ANSWERS["hermes"][0]
    text = '<tool_call>{"arguments": {"city": "Rome"}, "id": 7, "name": "get_weather"}</tool_call>'
    assert calls_in(parts(hermes, [text])) == [("get_weather", {"city": "Rome"})]


def test_words_between_and_after_calls_are_content() -> None:
    hermes = ANSWERS["hermes"][0]
    call = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'
    found = parts(hermes, [f"a {call} b {call} c"])
    assert content_in(found) == "a b c"
    assert [part.index for part in found if isinstance(part, CallBegins)] == [0, 1]


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_KEYS = st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _FLOATS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)


@QUICK
@given(JSON, st.booleans())
def test_every_json_value_is_followed_to_its_end(value: object, is_spaced: bool) -> None:
    text = json.dumps(value, indent=1 if is_spaced else None, ensure_ascii=False)
    follower = JsonText()
    assert follower.push(text + "]") == len(text)
    assert json.loads(follower.taken() + follower.closing()) == value


@QUICK
@given(JSON)
def test_every_beginning_of_a_json_value_can_be_ended(value: object) -> None:
    text = json.dumps(value)
    for end in range(len(text)):
        follower = JsonText()
        assert follower.push(text[:end]) == end
        json.loads(follower.taken() + follower.closing())


@QUICK
@given(st.text(alphabet='{}[]":,\\ utrfalsen0123-+.eE\n\x07'))
def test_what_is_accepted_of_any_text_can_be_ended(text: str) -> None:
    follower = JsonText()
    follower.push(text)
    json.loads(follower.taken() + follower.closing())


def test_depth_is_bounded() -> None:
    follower = JsonText()
    assert follower.push("[" * 1000) == MAX_DEPTH
    json.loads(follower.taken() + follower.closing())
