"""What llama-server's own routes do."""

from __future__ import annotations

from typing import Any

from llamapack_runtime.api.llamacpp.requests import (
    NEUTRAL,
    CompletionRequest,
    DetokenizeRequest,
    InfillRequest,
    TokenizeRequest,
)
from llamapack_runtime.api.openai.requests import CHAT_NEUTRAL, ChatRequest
from llamapack_runtime.api.openapi.operation import EVENTS, Operation

_LIST: dict[str, Any] = {"type": "array", "items": {"type": "object"}}

OPERATIONS = (
    Operation(
        dialect="llama.cpp",
        paths=("/completion", "/completions"),
        summary="Continue a text, in llama-server's shape",
        request=CompletionRequest,
        neutral=NEUTRAL,
        reply={"type": ["object", "array"]},
        stream=EVENTS,
        answers=True,
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/infill",),
        summary="Fill the gap between two pieces of code",
        request=InfillRequest,
        neutral=NEUTRAL,
        reply={"type": ["object", "array"]},
        stream=EVENTS,
        answers=True,
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/tokenize",),
        summary="Turn a text into tokens",
        request=TokenizeRequest,
        reply=("tokens",),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/detokenize",),
        summary="Turn tokens into a text",
        request=DetokenizeRequest,
        reply=("content",),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/apply-template",),
        summary="Say what the model would be given for a conversation",
        request=ChatRequest,
        neutral=CHAT_NEUTRAL,
        reply=("prompt",),
        refusals=frozenset({501}),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/v1/chat/completions/input_tokens", "/chat/completions/input_tokens"),
        summary="Count the tokens of a conversation without answering it",
        request=ChatRequest,
        neutral=CHAT_NEUTRAL,
        reply=("object", "input_tokens"),
        refusals=frozenset({501}),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/props",),
        method="get",
        summary="Say the defaults, the template and what the model can do",
        reply=("default_generation_settings", "total_slots", "chat_template", "draft_model"),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/props",),
        summary="Refused: properties cannot be changed while the program runs",
        status=None,
        refusals=frozenset({501}),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/slots",),
        method="get",
        summary="Say how many conversations can run at once, and how many do",
        reply=_LIST,
        query=(("fail_on_no_slot", "With any value: 503 when all slots are busy"),),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/slots/{number}",),
        summary="Refused: what was read is kept and found without being told",
        status=None,
        refusals=frozenset({501}),
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/lora-adapters",),
        method="get",
        summary="List the LoRA adapters, and how strongly each acts in requests that name none",
        reply=_LIST,
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/lora-adapters",),
        summary="Say how strongly LoRA adapters act in requests that name none",
        description="A list of objects with an `id` or a `name`, and a `scale` from -100 to 100. "
        "Adapters that are not in it act no more. Answers that are being written stay as they are.",
        request=list[dict[str, Any]],
        reply=("success",),
    ),
)
