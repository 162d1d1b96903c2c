"""OpenAI's request bodies for chat and completion, and their parameters that cannot be honoured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.neutral import EMPTY, LLAMACPP, NOTHING, OFF, ONE, VLLM, Neutral
from llamapack_runtime.api.parameters import Int31OrMinusOne, Metadata, Parameters

MAX_TOP_LOGPROBS = 20
MAX_COMPLETION_LOGPROBS = 5
MAX_TEMPLATE_VARIABLES = 64

Effort = Literal["none", "minimal", "low", "medium", "high"]

COMPLETION_NEUTRAL: Neutral = {
    **LLAMACPP,
    **VLLM,
    "moderation": NOTHING,
    "prompt_cache_options": NOTHING,
}
CHAT_NEUTRAL: Neutral = {
    **COMPLETION_NEUTRAL,
    "modalities": (None, ["text"]),
    "audio": NOTHING,
    "prediction": NOTHING,
    "web_search_options": NOTHING,
    "best_of": ONE,
    "echo": OFF,
    "suffix": EMPTY,
    "truncate_prompt_tokens": NOTHING,
    "reasoning_budget_message": EMPTY,
    "reasoning_control": OFF,
    "mm_processor_kwargs": EMPTY,
    "documents": EMPTY,
    "chat_template": NOTHING,
}


class OpenAIParameters(Parameters, frozen=True, kw_only=True):
    """What chat and completion have in common. These are accepted: they say something about the
    client, not about the answer."""

    user: str | None = None
    metadata: Metadata | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    response_format: dict[str, Any] | None = None


class FunctionCall(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`arguments` is JSON text; clients that have parsed it may send the object."""

    name: str
    arguments: str | dict[str, Any] = "{}"


class MessageToolCall(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    function: FunctionCall
    id: str | None = None
    type: Literal["function"] | None = None
    index: int | None = None  # of a streamed call, sent back as it came


class ChatMessage(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`content` is text or a list of parts. Clients send an answer back as they got it, so the
    fields of an answer are known here too."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None  # as vLLM names it
    annotations: list[Any] | None = None
    audio: Any = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None


class ChatRequest(OpenAIParameters, frozen=True, kw_only=True):
    """`functions` and `function_call` are what `tools` and `tool_choice` were before."""

    messages: list[ChatMessage]
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    functions: list[dict[str, Any]] | None = None
    function_call: str | dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    reasoning_effort: Effort | None = None
    reasoning_format: Literal["none", "auto", "deepseek"] | None = None
    thinking_budget_tokens: Int31OrMinusOne | None = None
    reasoning_budget_tokens: Int31OrMinusOne | None = None
    reasoning_budget: Int31OrMinusOne | None = None
    chat_template_kwargs: (
        Annotated[dict[str, Any], Meta(max_length=MAX_TEMPLATE_VARIABLES)] | None
    ) = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | Literal["content"] | None = None


class CompletionRequest(OpenAIParameters, frozen=True, kw_only=True):
    """`prompt` is a text or a list of tokens, or a list of such. A bool as `logprobs` is chat's
    way to ask: true is 0 others. `truncate_prompt_tokens`: the last of them; -1 is what fits."""

    prompt: str | list[Any]
    suffix: str | None = None
    echo: bool | None = None
    best_of: Annotated[int, Meta(ge=1, le=8)] | None = None
    logprobs: bool | Annotated[int, Meta(ge=0, le=MAX_COMPLETION_LOGPROBS)] | None = None
    truncate_prompt_tokens: Int31OrMinusOne | None = None
    add_special_tokens: bool | None = None
