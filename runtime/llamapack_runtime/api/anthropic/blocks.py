"""The content blocks of Anthropic's messages, as they come from a client. Pure.

A `cache_control` may stand on any of them: what a prompt has in common with earlier ones is found
without being told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=256)]


class CacheControl(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Block(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, tag_field="type"
):
    cache_control: CacheControl | None = None


class Text(_Block, frozen=True, kw_only=True, tag="text"):
    """`citations` are given back as they were answered."""

    text: str
    citations: list[Any] | None = None


class Thinking(_Block, frozen=True, kw_only=True, tag="thinking"):
    thinking: str
    signature: str | None = None


class RedactedThinking(_Block, frozen=True, kw_only=True, tag="redacted_thinking"):
    """Only the model that wrote it can read it."""

    data: str


class DirectCaller(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    type: Literal["direct"]


class ToolUse(_Block, frozen=True, kw_only=True, tag="tool_use"):
    id: Name
    name: Name
    input: dict[str, Any]
    caller: DirectCaller | None = None
    toolset_name: None = None


class _Unreadable(_Block, frozen=True, kw_only=True):
    """A block that this model cannot read, whatever it holds."""

    source: Any = None
    title: str | None = None
    context: str | None = None
    citations: Any = None


class Image(_Unreadable, frozen=True, kw_only=True, tag="image"):
    transformations: Any = None


class Document(_Unreadable, frozen=True, kw_only=True, tag="document"):
    pass


class ToolResult(_Block, frozen=True, kw_only=True, tag="tool_result"):
    tool_use_id: Name
    content: str | list[Text | Image | Document] | None = None
    is_error: bool | None = None
    toolset_name: None = None


Block = Text | Thinking | RedactedThinking | ToolUse | ToolResult | Image | Document
