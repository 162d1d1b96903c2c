"""Reasoning is told from the answer, in every family's marks."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.parts import Content, Part, Reasoning, joined
from llamapack_runtime.chat.reading import ReadingParser
from llamapack_runtime.chat.reasoning import (
    HARMONY,
    THINK,
    Phase,
    ReasoningMarks,
    budget_of,
    ending,
    marks_of,
    phase_of,
    read_reasoning,
    thinking_variables,
)
from llamapack_runtime.chat.template import TemplateCapabilities
from llamapack_runtime.chat.types import Thinking


def parts(text: str | list[str], phase: Phase, marks: ReasoningMarks = THINK) -> list[Part]:
    parser = ReadingParser(partial(read_reasoning, marks=marks, phase=phase))
    pieces = [text] if isinstance(text, str) else text
    return joined([part for piece in pieces for part in parser.push(piece)] + parser.finish())


def can(source: str = "", *variables: str) -> TemplateCapabilities:
    return TemplateCapabilities(source, frozenset(variables))


@pytest.mark.parametrize(
    ("source", "begin"),
    [
        ("{{ '<think>' }}", "<think>"),
        ("x.split('</think>')", "<think>"),
        ("[THINK]", "[THINK]"),
        ("<seed:think>", "<seed:think>"),
        ("<|START_THINKING|>", "<|START_THINKING|>"),
        ("<|channel>thought", "<|channel>thought\n"),
        ("<|channel|>analysis", HARMONY.begin),
    ],
)
def test_the_marks_are_the_templates(source: str, begin: str) -> None:
    marks, is_shown = marks_of(source)
    assert (marks.begin, is_shown) == (begin, True)
    answer = f"{marks.begin}Hm.{marks.end}Yes."
    assert parts(answer, "before", marks) == [Reasoning("Hm."), Content("Yes.")]


def test_a_template_without_marks_may_have_a_model_with_the_most_common() -> None:
    assert marks_of("{{ messages }}") == (THINK, False)


def test_white_space_around_the_marks_is_nobodys() -> None:
    answer = "\n<think>\nA b.\n\nC.\n</think>\n\nYes.\n"
    assert parts(answer, "before") == [Reasoning("A b.\n\nC."), Content("Yes.\n")]


def test_a_prompt_may_have_opened_it() -> None:
    assert parts("Hm.</think>\nYes.", "inside") == [Reasoning("Hm."), Content("Yes.")]
    assert parts("<think>Hm.</think>Yes.", "inside") == [Reasoning("Hm."), Content("Yes.")]
    assert parts("Hm.", "inside") == [Reasoning("Hm.")]


def test_marks_within_an_answer_are_words() -> None:
    answer = "The tag <think>x</think> is not closed."
    assert parts(answer, "before") == [Content(answer)]
    assert parts("<think>a</think>b<think>c", "before") == [Reasoning("a"), Content("b<think>c")]
    assert parts("<think>a</think>", "over") == [Content("<think>a</think>")]


def test_half_a_mark_is_words() -> None:
    assert parts(" <thin", "before") == [Content(" <thin")]
    assert parts("<think>a</thin", "before") == [Reasoning("a</thin")]


def test_what_is_going_on_is_told_at_every_moment() -> None:
    parser = ReadingParser(partial(read_reasoning, marks=THINK, phase="before"))
    told = []
    for piece in ("\n", "<th", "ink>", "a", "</think", ">", "b"):
        parser.push(piece)
        told.append(parser.is_reasoning)
    assert told == [False, False, True, True, True, False, False]
    opened = ReadingParser(partial(read_reasoning, marks=THINK, phase="inside"))
    assert opened.is_reasoning


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["<think>", "</think>", "\n", " ", "<", "a", "é😀", "</th"])),
    st.sampled_from(["inside", "before", "over"]),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_a_split_changes_nothing(words: list[str], phase: Phase, cuts: list[int]) -> None:
    text = "".join(words)
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    pieces = [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert parts(pieces, phase) == parts(text, phase) == parts(list(text), phase)


def test_where_an_answer_begins_is_seen_at_the_prompts_end() -> None:
    assert phase_of("assistant\n<think>\n", THINK) == "inside"
    assert phase_of("assistant\n<think>\n\n</think>\n\n", THINK) == "over"
    assert phase_of("<think> is a mark. assistant\n", THINK) == "before"
    assert ending("inside", THINK) == "\n</think>\n\n"
    assert ending("before", THINK) == "<think>\n\n</think>\n\n"
    assert ending("over", THINK) == ""


@pytest.mark.parametrize("switch", ["enable_thinking", "thinking", "reasoning"])
def test_a_template_is_told_to_think_or_not(switch: str) -> None:
    for enabled in (True, False):
        wanted = Thinking(enabled=enabled)
        assert thinking_variables(wanted, can("", switch)) == {switch: enabled}


def test_effort_is_a_variable_or_a_budget() -> None:
    low = Thinking(effort="low")
    knows = can("<think>", "reasoning_effort")
    assert thinking_variables(low, knows) == {"reasoning_effort": "low"}
    assert budget_of(low, knows) is None
    assert thinking_variables(low, can("<think>")) == {}
    assert budget_of(low, can("<think>")) == 1024
    assert budget_of(Thinking(effort="high"), can("<think>")) is None
    assert budget_of(Thinking(effort="low", budget=3), knows) == 3


def test_harmony_knows_no_minimal_effort_and_cannot_stop_thinking() -> None:
    harmony = can("<|channel|>", "reasoning_effort")
    variables = thinking_variables(Thinking(effort="minimal"), harmony)
    assert variables == {"reasoning_effort": "low"}
    with pytest.raises(ChatError, match="effort"):
        thinking_variables(Thinking(enabled=False), harmony)


def test_a_budget_is_told_to_a_template_that_knows_it() -> None:
    seed = can("<seed:think>", "thinking_budget")
    assert thinking_variables(Thinking(budget=512), seed) == {"thinking_budget": 512}
