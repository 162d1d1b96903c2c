"""Anthropic's request bodies: a message, and the count of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.adapters import MAX_NAMED, NamedAdapter
from llamapack_runtime.api.anthropic.blocks import Block, CacheControl, Text
from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.parameters import Int31, Parameters, Share

MAX_MESSAGES = 100_000
MAX_TOOLS = 4096

Effort = Literal["low", "medium", "high", "xhigh", "max"]
Display = Literal["summarized", "omitted"]


class _Object(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class AskedMessage(_Object, frozen=True, kw_only=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class ToolOffered(_Object, frozen=True, kw_only=True):
    """`eager_input_streaming`: arguments are streamed as they come, always."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    description: str | None = None
    strict: bool | None = None
    input_examples: Annotated[list[dict[str, Any]], Meta(max_length=64)] | None = None
    cache_control: CacheControl | None = None
    eager_input_streaming: bool | None = None
    defer_loading: Literal[False] | None = None
    allowed_callers: list[Literal["direct"]] | None = None


class ToolChoice(_Object, frozen=True, kw_only=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(_Object, frozen=True, kw_only=True):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    display: Display | None = None


class OutputFormat(_Object, frozen=True, kw_only=True):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(_Object, frozen=True, kw_only=True):
    effort: Effort | None = None
    format: OutputFormat | None = None


class ContextEdit(_Object, frozen=True, kw_only=True):
    """Nothing of a conversation is left out: "all" is what can be kept."""

    type: Literal["clear_thinking_20251015"]
    keep: Literal["all"]


class ContextManagement(_Object, frozen=True, kw_only=True):
    edits: list[ContextEdit] | None = None


class Metadata(_Object, frozen=True, kw_only=True):
    user_id: str | None = None


class CountRequest(_Object, frozen=True, kw_only=True):
    """What decides how many tokens there are. `model` may be any name: a pack serves one model,
    and answers with that model's name."""

    messages: Annotated[list[AskedMessage], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Annotated[str, Meta(max_length=1024)] | None = None
    system: str | list[Text] | None = None
    tools: Annotated[list[ToolOffered], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    # Accepted: they say nothing about the answer.
    cache_control: CacheControl | None = None
    user_profile_id: str | None = None
    speed: Literal["standard"] | None = None
    # Of what a pack does not have, only nothing can be asked.
    mcp_servers: Annotated[list[Any], Meta(max_length=0)] | None = None
    context_management: ContextManagement | None = None

    @property
    def format(self) -> OutputFormat | None:
        """The newer name wins."""
        newer = self.output_config.format if self.output_config else None
        return newer or self.output_format


class MessageRequest(CountRequest, frozen=True, kw_only=True):
    max_tokens: Int31
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    top_k: Int31 | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    container: None = None
    diagnostics: None = None
    inference_geo: None = None
    lora: Annotated[list[NamedAdapter], Meta(max_length=MAX_NAMED)] | None = None

    @property
    def omits_thinking(self) -> bool:
        return bool(self.thinking and self.thinking.display == "omitted")

    @property
    def parameters(self) -> Parameters:
        """By the names that all dialects share."""
        return Parameters(
            model=self.model,
            lora=self.lora,
            max_tokens=self.max_tokens,
            stop=self.stop_sequences,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
        )


def check_tool_types(body: Mapping[str, Any]) -> None:
    """BadRequest that names a tool which Anthropic's own servers or training provide."""
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind != "custom":
            place = f"tools[{index}].type"
            message = (
                f"'{place}' is '{kind[:100]}', which this program does not have; "
                "only tools with an input_schema of their own are possible."
            )
            raise BadRequest(message, place, "unsupported_parameter")
