"""What a chat template makes of sample conversations, for a packer who wonders whether it is any
good. The template may be hostile: it runs in the sandbox and within its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.template import ChatTemplate, TemplateCapabilities
from llamapack_runtime.chat.types import Message, Tool

MAX_SHOWN_CHARACTERS = 20_000
MAX_BETWEEN_CHARACTERS = 200

_SYSTEM = Message("system", "You are a helpful librarian.")
_TALK = (
    Message("user", "Who wrote Faust?"),
    Message("assistant", "Goethe."),
    Message("user", "When?"),
)
_TOOL = Tool(
    "find_book",
    "Looks a book up.",
    {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """`text`, or the `problem` as a sentence."""

    name: str
    text: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateReport:
    """`problem`: why the template cannot be used at all. `repeats_bos`: what it writes begins with
    BOS twice. `after_answer`: what stands between an answer and the next question; None: the answer
    is left out, or nothing could be rendered."""

    problem: str | None = None
    capabilities: TemplateCapabilities | None = None
    renderings: tuple[Rendering, ...] = ()
    repeats_bos: bool = False
    after_answer: str | None = None


def report_on(source: str, *, bos_token: str, eos_token: str) -> TemplateReport:
    """Of a template, with the model's tokens."""
    try:
        template = ChatTemplate(source, bos_token=bos_token, eos_token=eos_token)
    except ChatTemplateError as error:
        return TemplateReport(problem=str(error))
    renderings = (
        _render(template, "a talk", _TALK),
        _render(template, "with a system message", (_SYSTEM, *_TALK)),
        _render(template, "with a tool", _TALK, [_TOOL]),
    )
    texts = [one.text for one in renderings if one.text is not None]
    repeats = bool(bos_token) and any(text.startswith(bos_token * 2) for text in texts)
    after = _after_answer(renderings[0].text or "")
    return TemplateReport(None, template.capabilities, renderings, repeats, after)


def _after_answer(talk: str) -> str | None:
    _, answer, rest = talk.partition(str(_TALK[1].content))
    between, question, _ = rest.partition(str(_TALK[2].content))
    return between[:MAX_BETWEEN_CHARACTERS] if answer and question else None


def _render(
    template: ChatTemplate, name: str, messages: Sequence[Message], tools: Sequence[Tool] = ()
) -> Rendering:
    try:
        text = template.render(messages, tools=tools)
    except ChatTemplateError as error:
        return Rendering(name, problem=str(error))
    return Rendering(name, text[:MAX_SHOWN_CHARACTERS])
