"""A conversation and what is wanted of its next answer, as every dialect of the API translates it.

Pure data: the names are OpenAI's, the meaning is the same for all dialects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is JSON text: an object that fits the tool's schema."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Image:
    """`data` is the file as it came, unless there is a `problem`: then that is a sentence for
    whoever sent it. `mark` stands in a message's content where the image is. `place` is what its
    client calls it."""

    data: bytes = field(repr=False)
    mark: str
    place: str = field(default="", compare=False)
    problem: str | None = None

    @classmethod
    def of(cls, data: bytes, place: str = "") -> Self:
        return cls(data, f"[image {hashlib.sha256(data).hexdigest()}]", place)

    @classmethod
    def unusable(cls, problem: str, place: str) -> Self:
        return cls(b"", "", place, problem)


@dataclass(frozen=True, slots=True)
class Message:
    """`role` is system, developer, user, assistant or tool; a template may know others. An
    assistant's message may have `reasoning` and `tool_calls`; a tool's answers `tool_call_id`.
    `images`: those whose marks are in the content."""

    role: str
    content: str
    name: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask for. `parameters` is the JSON Schema of its arguments, an
    object; {} takes any object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The choice of one tool, which must be called."""

    name: str


ToolChoice = Literal["none", "auto", "required"] | NamedTool
FormatKind = Literal["json_object", "json_schema", "gbnf", "lark", "regex", "choice"]


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """What the answer must match. `value`: the schema (json_schema), the grammar's or expression's
    text (gbnf, lark, regex), the list of texts (choice); None for json_object. `param` is what the
    client calls it, where it has several names."""

    kind: FormatKind
    value: Any = None
    param: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Thinking:
    """What is wanted of the reasoning before an answer. None: as the template and the model do it
    by themselves. `budget`: the most tokens of it.

    The rule for all dialects: `enabled` is a demand, refused where the model cannot follow it.
    `effort` and `budget` are hints, which clients send to every model; where there is no reasoning
    they bound, there is nothing to honour."""

    enabled: bool | None = None
    effort: Literal["minimal", "low", "medium", "high"] | None = None
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """One question to a model: the messages so far and what the answer may be. `continues_last`:
    the last message is an assistant's, and the answer goes on where it ends. `template_variables`
    go to the chat template as they are."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    format: AnswerFormat | None = None
    thinking: Thinking = Thinking()
    continues_last: bool = False
    template_variables: Mapping[str, Any] = field(default_factory=dict)
