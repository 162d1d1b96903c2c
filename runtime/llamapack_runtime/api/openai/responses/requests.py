"""The request body of OpenAI's responses, as far as it can be honoured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.neutral import EMPTY, LLAMACPP, NOTHING, OFF, ONE, ZERO, Neutral
from llamapack_runtime.api.openai.requests import MAX_TOP_LOGPROBS, Effort
from llamapack_runtime.api.parameters import Metadata, Parameters

LOGPROBS = "message.output_text.logprobs"

Includable = Literal[
    "message.output_text.logprobs",
    # Reasoning is not hidden here: it is in the item itself, for the client to send back.
    "reasoning.encrypted_content",
    # Of tools that are not there: nothing to include.
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
]

NEUTRAL: Neutral = {
    **LLAMACPP,
    # Of the shapes of chat and completion.
    "n": ONE,
    "n_cmpl": ONE,
    "n_probs": ZERO,
    "return_tokens": OFF,
    "return_progress": OFF,
    "timings_per_token": OFF,
    "background": OFF,
    "conversation": NOTHING,
    "prompt": NOTHING,
    "context_management": EMPTY,
    "moderation": NOTHING,
    "image": NOTHING,
    "access_programs": NOTHING,
    "prompt_cache_options": NOTHING,
}


class Reasoning(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`summary`: the reasoning is told as its own summary. `generate_summary` is its older name."""

    effort: Effort | None = None
    summary: Literal["auto", "detailed"] | None = None
    generate_summary: Literal["auto", "detailed"] | None = None


class Text(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    format: dict[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ResponsesRequest(Parameters, frozen=True, kw_only=True):
    """`max_tool_calls` is for tools that OpenAI runs itself: accepted, there are none."""

    input: Annotated[str, Meta(min_length=1)] | list[dict[str, Any]] | None = None
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    include: list[Includable] | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    # Accepted: they say something about the client, not about the answer.
    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None

    @property
    def token_limit(self) -> int | None:
        limit = self.max_output_tokens
        return super().token_limit if limit is None else limit

    @property
    def n_probs_asked(self) -> int | None:
        """The number of other candidates for each token, None when no probabilities are wanted."""
        if self.top_logprobs or LOGPROBS in (self.include or ()):
            return self.top_logprobs or 0
        return None

    @property
    def has_summary(self) -> bool:
        reasoning = self.reasoning
        return bool(reasoning and (reasoning.summary or reasoning.generate_summary))
