"""How models mark what they think before they answer, and how that is switched, bounded and told
from the answer. Knows nothing of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.lark import ANYTHING, Rules, pattern
from llamapack_runtime.chat.reading import Reader, Reading
from llamapack_runtime.chat.template import TemplateCapabilities
from llamapack_runtime.chat.types import Thinking

# Where an answer begins: inside reasoning, before reasoning that may come, or behind it.
Phase = Literal["inside", "before", "over"]


@dataclass(frozen=True, slots=True)
class ReasoningMarks:
    begin: str
    end: str


HARMONY = ReasoningMarks("<|channel|>analysis<|message|>", "<|end|>")
THINK = ReasoningMarks("<think>", "</think>")
# The first whose marks a chat template has (Gemma's has them without the line break).
_STYLES = (
    ("<|channel|>", HARMONY),
    ("<|channel>", ReasoningMarks("<|channel>thought\n", "<channel|>")),
    ("<|START_THINKING|>", ReasoningMarks("<|START_THINKING|>", "<|END_THINKING|>")),
    ("seed:think", ReasoningMarks("<seed:think>", "</seed:think>")),
    ("[THINK]", ReasoningMarks("[THINK]", "[/THINK]")),
    ("<thinking>", ReasoningMarks("<thinking>", "</thinking>")),
    ("</think>", THINK),
    ("<think>", THINK),
)
_SWITCHES = ("enable_thinking", "thinking", "reasoning")
# For models that know no effort: the most tokens of reasoning.
EFFORT_BUDGETS = {"minimal": 256, "low": 1024, "medium": 4096, "high": None}
_GAP = "/[ \\n]{0,4}/"


def marks_of(source: str) -> tuple[ReasoningMarks, bool]:
    """The marks of a chat template's models, and whether the template shows them. Others may come
    from training that the template does not know of."""
    for sign, marks in _STYLES:
        if sign in source:
            return marks, True
    return THINK, False


def thinking_variables(thinking: Thinking, can: TemplateCapabilities) -> dict[str, Any]:
    """The template's variables that ask for this. ChatError for a demand that it cannot follow;
    of hints it takes what it knows (see `Thinking`)."""
    variables: dict[str, Any] = {}
    if thinking.enabled is not None:
        _check_switch(thinking.enabled, can)
        variables |= dict.fromkeys(switches(can), thinking.enabled)
    if thinking.effort is not None and can.reads("reasoning_effort"):
        is_harmony = marks_of(can.source)[0] == HARMONY
        lowest = "low" if is_harmony else "minimal"
        variables["reasoning_effort"] = lowest if thinking.effort == "minimal" else thinking.effort
    if thinking.budget is not None and can.reads("thinking_budget"):
        variables["thinking_budget"] = thinking.budget
    return variables


def switches(can: TemplateCapabilities) -> list[str]:
    """The template's variables that switch reasoning on and off."""
    return [name for name in _SWITCHES if can.reads(name)]


def budget_of(thinking: Thinking, can: TemplateCapabilities) -> int | None:
    """The most tokens of reasoning, None without a bound."""
    if thinking.budget is not None or thinking.effort is None or can.reads("reasoning_effort"):
        return thinking.budget
    return EFFORT_BUDGETS[thinking.effort]


def phase_of(prompt: str, marks: ReasoningMarks) -> Phase:
    """Where an answer begins that continues `prompt`."""
    text = prompt.rstrip()
    if text.endswith(marks.begin.rstrip()):
        return "inside"
    return "over" if text.endswith(marks.end) else "before"


def ending(phase: Phase, marks: ReasoningMarks) -> str:
    """What a prompt must go on with, so that the answer begins behind reasoning."""
    if phase == "over":
        return ""
    begin = f"{marks.begin}\n" if phase == "before" else ""
    return f"{begin}\n{marks.end}\n\n"


def read_reasoning(reader: Reader, marks: ReasoningMarks, phase: Phase) -> Reading[None]:
    """Only at the beginning of an answer: behind it, the marks are words. White space around the
    marks belongs to neither side."""
    if phase == "over":
        return
    reader.is_reasoning = phase == "inside"
    reader.keep()
    yield from reader.space()
    has_begun = yield from reader.literal(marks.begin)
    if not has_begun and phase == "before":
        reader.rewind()
        return
    reader.release()
    reader.is_reasoning = True
    yield from reader.space()
    yield from reader.until(f"\n{marks.end}", marks.end, say=reader.reasoning)
    reader.is_reasoning = False
    yield from reader.space()


def reasoning_lark(rules: Rules, marks: ReasoningMarks, phase: Phase, answer: str) -> str:
    """The expression of an answer with its reasoning. Where that may come by itself, the text of
    `answer` must not begin with what `begins` matches."""
    if phase == "over":
        return answer
    if phase == "inside":
        return f"{rules.until(marks.end)} {_GAP} {answer}"
    if rules.names(marks.begin):
        thought = f"{rules.exact(marks.begin)} {rules.until(marks.end)}"
    else:
        thought = rules.until(marks.end, within=f"\\s*{pattern(marks.begin)}{ANYTHING}")
    return f"({thought} {_GAP})? {answer}"


def begins(marks: ReasoningMarks) -> str:
    """A regular expression for all texts that begin with reasoning."""
    return f"\\s*{pattern(marks.begin)}{ANYTHING}"


def _check_switch(enabled: bool, can: TemplateCapabilities) -> None:
    if switches(can):
        return
    marks, is_shown = marks_of(can.source)
    if enabled and not is_shown:
        message = "This model does not think before it answers; do not ask it to."
        raise ChatError(message, "thinking")
    if not enabled and marks == HARMONY:
        raise ChatError(
            "This model's thinking cannot be switched off; ask for a low reasoning effort instead.",
            "thinking",
        )
