"""What the routes of text-generation-inference do."""

from __future__ import annotations

from llamapack_runtime.api.openapi.operation import EVENTS, Operation
from llamapack_runtime.api.tgi.requests import GenerateRequest

OPERATIONS = (
    Operation(
        dialect="TGI",
        paths=("/generate",),
        summary="Continue a text, in the shape of Hugging Face's text-generation-inference",
        description="Whole, unless `stream` is true.",
        request=GenerateRequest,
        reply=("generated_text",),
        stream=EVENTS,
        answers=True,
    ),
    Operation(
        dialect="TGI",
        paths=("/generate_stream",),
        summary="Continue a text, an event for each token; the last has the whole text",
        request=GenerateRequest,
        media_types=(EVENTS,),
        answers=True,
    ),
    Operation(
        dialect="TGI",
        paths=("/info",),
        method="get",
        summary="Say what is served, in the shape of text-generation-inference",
        reply=("model_id", "max_total_tokens", "version"),
        refusals=frozenset({501}),
    ),
)
