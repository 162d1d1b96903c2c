"""What an answer is made of, piece by piece. Pure: text in, parts out.

A parser is fed the text of one answer as it comes and says what each piece is: words for the
reader, reasoning, a tool call. However the text is split, the parts join to the same answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Content:
    """Words for the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str


@dataclass(frozen=True, slots=True)
class CallBegins:
    """A tool call opens; `index` counts from 0 within the answer. Its arguments follow."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """More of the JSON text of a call's arguments."""

    index: int
    text: str


Part = Content | Reasoning | CallBegins | CallArguments


class AnswerParser(Protocol):
    """One for each answer."""

    def push(self, text: str) -> list[Part]:
        """What has become certain with this text."""

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:
        """The rest: no more text comes. `is_cut_off`: the model had not ended, so what may have
        begun a mark or a call is nothing rather than words."""

    @property
    def is_reasoning(self) -> bool:
        """Whether the text so far ends inside reasoning."""


class PlainParser:
    """All text is content."""

    is_reasoning = False

    def push(self, text: str) -> list[Part]:
        return [Content(text)] if text else []

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:  # noqa: ARG002 - as all
        return []


def joined(parts: list[Part]) -> list[Part]:
    """Neighbours of one kind as one part."""
    result: list[Part] = []
    for part in parts:
        match result[-1] if result else None, part:
            case Content(before), Content(text):
                result[-1] = Content(before + text)
            case Reasoning(before), Reasoning(text):
                result[-1] = Reasoning(before + text)
            case CallArguments(index, before), CallArguments(same, text) if index == same:
                result[-1] = CallArguments(index, before + text)
            case _:
                result.append(part)
    return result
