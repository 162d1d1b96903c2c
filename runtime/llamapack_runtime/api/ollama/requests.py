"""Ollama's request bodies for chat and generate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.adapters import MAX_NAMED, NamedAdapter
from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.ollama.keep_alive import keep_alive_s
from llamapack_runtime.api.ollama.options import Options
from llamapack_runtime.chat.types import AnswerFormat, Thinking, Tool

MAX_TOP_LOGPROBS = 20
MAX_MESSAGES = 100_000

Think = bool | Literal["low", "medium", "high", "max"]


class CalledFunction(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=256)]
    arguments: dict[str, Any] = {}
    index: int | None = None
    description: str | None = None


class ToolCallMade(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A call that an assistant's message has, as it was answered."""

    function: CalledFunction
    id: Annotated[str, Meta(max_length=256)] | None = None
    type: Literal["function"] | None = None


class ChatMessage(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[Any] | None = None
    tool_calls: list[ToolCallMade] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class ToolFunction(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolOffered(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    function: ToolFunction
    type: Literal["function"] | None = None


class AnswerRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What chat and generate have in common. In a pack with one model, `model` may be any name, and
    the model stays loaded, whatever `keep_alive` says."""

    model: Annotated[str, Meta(max_length=1024)] | None = None
    stream: bool | None = None
    format: str | dict[str, Any] | None = None
    options: Options | None = None
    think: Think | None = None
    keep_alive: str | float | None = None
    truncate: Literal[False] | None = None  # nothing is forgotten to make a question fit
    shift: Literal[False] | None = None  # nor to make room for its answer
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    lora: Annotated[list[NamedAdapter], Meta(max_length=MAX_NAMED)] | None = None

    @property
    def streams(self) -> bool:
        return self.stream is not False

    @property
    def unloads(self) -> bool:
        """Whether it says that the model is not needed any longer."""
        return keep_alive_s(self.keep_alive) == 0


class ChatRequest(AnswerRequest, frozen=True, kw_only=True):
    messages: Annotated[list[ChatMessage], Meta(max_length=MAX_MESSAGES)] | None = None
    tools: list[ToolOffered] | None = None


class GenerateRequest(AnswerRequest, frozen=True, kw_only=True):
    """`context` is what an earlier reply had as such."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: list[Annotated[int, Meta(ge=0, le=2**31 - 1)]] | None = None
    raw: bool | None = None
    images: list[Any] | None = None


def to_format(request: AnswerRequest) -> AnswerFormat | None:
    asked = request.format
    if isinstance(asked, dict):
        return AnswerFormat("json_schema", asked)
    if asked not in (None, "", "json"):
        message = f"'format' must be \"json\" or a JSON Schema, not '{asked[:100]}'."
        raise BadRequest(message, "format")
    return AnswerFormat("json_object") if asked else None


def to_thinking(think: Think | None) -> Thinking:
    if think is None or isinstance(think, bool):
        return Thinking(enabled=think)
    return Thinking(enabled=True, effort="high" if think == "max" else think)


def to_tools(tools: list[ToolOffered] | None) -> tuple[Tool, ...]:
    return tuple(
        Tool(
            tool.function.name,
            tool.function.description or "",
            tool.function.parameters or {},
            bool(tool.function.strict),
        )
        for tool in tools or ()
    )


def to_n_probs(request: AnswerRequest) -> int | None:
    """See `engine.types.Request`."""
    if request.logprobs:
        return request.top_logprobs or 0
    if request.top_logprobs:
        message = "'top_logprobs' needs 'logprobs' to be true."
        raise BadRequest(message, "top_logprobs")
    return None
