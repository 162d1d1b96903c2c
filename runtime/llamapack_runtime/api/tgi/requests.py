"""Text-generation-inference's request bodies, and what they ask for in the others' words.

Names and meanings: its OpenAPI document and its launcher's validation of requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from llamapack_runtime.api.adapters import AdapterRack, NamedAdapter
from llamapack_runtime.api.errors import BadRequest, UnsupportedParameter
from llamapack_runtime.api.formats import MAX_EXPRESSION_CHARACTERS, schema_format
from llamapack_runtime.api.parameters import MAX_CHOICES, Int31, Parameters, Penalty
from llamapack_runtime.api.translation import to_stop
from llamapack_runtime.chat.types import AnswerFormat
from llamapack_runtime.engine.types import Adapters

MAX_TOP_TOKENS = 20

_Above0 = Annotated[float, Meta(gt=0, le=100)]
_TRUNCATE = "Read only so many tokens at the end of the text."
_Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Mass = Annotated[float, Meta(gt=0, le=1)]


class Grammar(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`value`: a JSON Schema (json), {"schema": …} (json_schema), or a regular expression."""

    type: Literal["json", "json_schema", "regex"]
    value: Annotated[Any, Meta(description="The schema, or the expression.")]


class GenerateParameters(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The likeliest token is taken, unless `do_sample` or a sampler's value asks for more; what is
    not given is then the pack's default."""

    max_new_tokens: Int31 | None = None
    temperature: _Above0 | None = None
    top_k: _Count | None = None
    top_p: _Mass | None = None
    typical_p: _Mass | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=1000)] | None = None
    frequency_penalty: Penalty | None = None
    do_sample: bool | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    stop: list[str] | None = None
    best_of: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    return_full_text: bool | None = None
    truncate: Annotated[_Count | None, Meta(description=_TRUNCATE)] = None
    details: bool | None = None
    decoder_input_details: bool | None = None
    top_n_tokens: Annotated[int, Meta(ge=0, le=MAX_TOP_TOKENS)] | None = None
    watermark: bool | None = None
    adapter_id: str | None = None
    grammar: Annotated[Grammar | None, Meta(description="What it must match.")] = None

    @property
    def samples(self) -> bool:
        values = (self.temperature, self.top_k, self.top_p, self.typical_p)
        return bool(self.do_sample) or any(value is not None for value in values)


class GenerateRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`stream`: clients that know one address alone send it to /generate, too."""

    inputs: Annotated[str, Meta(min_length=1)]
    parameters: Annotated[GenerateParameters | None, Meta(description="How to continue it.")] = None
    stream: bool | None = None

    @property
    def asked(self) -> GenerateParameters:
        return self.parameters or GenerateParameters()


def check(request: GenerateRequest, *, streams: bool) -> None:
    """BadRequest for what cannot be had, or not together."""
    parameters = request.asked
    for name in ("watermark", "decoder_input_details"):
        if getattr(parameters, name):
            raise UnsupportedParameter(name)
    best_of = parameters.best_of or 1
    if best_of > 1 and streams:
        message = "'best_of' above 1 compares whole answers; it cannot be streamed."
        raise BadRequest(message, "best_of")
    if best_of > 1 and not parameters.samples:
        message = "'best_of' above 1 needs 'do_sample': the likeliest answer is always the same."
        raise BadRequest(message, "best_of")


def to_parameters(asked: GenerateParameters) -> Parameters:
    """By the names of the other dialects."""
    to_stop(asked.stop)
    return Parameters(
        max_tokens=asked.max_new_tokens,
        temperature=asked.temperature if asked.samples else 0.0,
        top_k=asked.top_k,
        top_p=asked.top_p,
        typical_p=asked.typical_p,
        repetition_penalty=asked.repetition_penalty,
        frequency_penalty=asked.frequency_penalty,
        seed=asked.seed,
        stop=asked.stop,
        n=asked.best_of,
    )


def to_adapters(asked: GenerateParameters, rack: AdapterRack) -> Adapters:
    """BadRequest for one that there is not."""
    if not asked.adapter_id:
        return rack.default
    return rack.of_request([NamedAdapter(1.0, name=asked.adapter_id)], param="adapter_id")


def to_format(grammar: Grammar | None) -> AnswerFormat | None:
    """BadRequest when it is none of its kind."""
    if grammar is None:
        return None
    param, value = "grammar.value", grammar.value
    if grammar.type == "json":
        return schema_format(value, param)
    if grammar.type == "json_schema":
        if not isinstance(value, dict) or "schema" not in value:
            raise BadRequest(f"'{param}' must be an object with a 'schema'.", param)
        return schema_format(value["schema"], param)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_EXPRESSION_CHARACTERS:
        message = f"'{param}' must be a text of 1 to {MAX_EXPRESSION_CHARACTERS} characters."
        raise BadRequest(message, param)
    return AnswerFormat("regex", value, param)
