"""What Anthropic's routes do."""

from __future__ import annotations

from llamapack_runtime.api.anthropic.requests import CountRequest, MessageRequest
from llamapack_runtime.api.openapi.operation import EVENTS, Operation

OPERATIONS = (
    Operation(
        dialect="Anthropic",
        paths=("/v1/messages",),
        summary="Answer a conversation, in Anthropic's shape",
        description="With `stream` the answer comes in events, from message_start to message_stop.",
        request=MessageRequest,
        reply=("id", "type", "role", "model", "content", "stop_reason", "usage"),
        stream=EVENTS,
        answers=True,
    ),
    Operation(
        dialect="Anthropic",
        paths=("/v1/messages/count_tokens",),
        summary="Count the tokens of a conversation without answering it",
        request=CountRequest,
        reply=("input_tokens",),
        refusals=frozenset({501}),
    ),
)
