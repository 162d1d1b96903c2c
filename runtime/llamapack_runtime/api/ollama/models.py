"""What Ollama's clients ask about models: which there are, which are loaded, what they can."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import json_response
from llamapack_runtime.api.naming import named
from llamapack_runtime.api.ollama.replies import Json, timestamp
from llamapack_runtime.api.ready import service_of, shelves_of
from llamapack_runtime.api.service import ModelCard, Ready, ReadyToEmbed, Service, State
from llamapack_runtime.api.stock import Shelved

# Clients compare it with the first version of Ollama that has what they want of its protocol
# (editors: 0.6.4, capabilities), so it is not ours, which /llamapack/info has. Of 0.12.11 are the
# latest fields that these routes have: logprobs and top_logprobs.
PROTOCOL_VERSION = "0.12.11"

# Of a model that is not unloaded while the program runs.
_NEVER = "9999-12-31T23:59:59Z"
_FAR_S = 3e9  # a keep_alive beyond it would be past the end of 64-bit nanoseconds
_UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "K"))


class ShowRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Any name will do where there is one model. Ollama's own client sends all of the fields; what
    would change the reply is only possible as it leaves it out."""

    model: str | None = None
    name: str | None = None
    system: Literal[""] | None = None
    template: Literal[""] | None = None
    options: Annotated[dict[str, Any], Meta(max_length=0)] | None = None
    verbose: Literal[False] | None = None


async def version(_http: HttpRequest) -> Response:
    return json_response({"version": PROTOCOL_VERSION})


async def tags(http: HttpRequest) -> Response:
    """The models that there are."""
    pack_id, started = service_of(http).about.pack_id, _started(http)
    models = [
        _listed(one.stock.card, pack_id) | {"modified_at": started} for one in shelves_of(http)
    ]
    return json_response({"models": models})


async def running(http: HttpRequest) -> Response:
    """The models that are loaded."""
    pack_id = service_of(http).about.pack_id
    loaded = [(one, n_ctx) for one in shelves_of(http) if (n_ctx := _n_ctx(one.state)) is not None]
    models = [
        _listed(one.stock.card, pack_id)
        | {"expires_at": _expires_at(one), "size_vram": 0, "context_length": n_ctx}
        for one, n_ctx in loaded
    ]
    return json_response({"models": models})


async def show(http: HttpRequest) -> Response:
    request = to_struct(await read_object(http), ShowRequest)
    shelves, name = shelves_of(http), request.model or request.name
    if len(shelves) > 1 and name:
        stock = named([one.stock for one in shelves], name)
        shelves = [one for one in shelves if one.stock is stock]
    card, state = shelves[0].stock.card, shelves[0].state
    shown: Json = {} if card.license is None else {"license": card.license}
    return json_response(
        shown
        | {
            "modelfile": "",
            "parameters": _parameters(service_of(http)),
            "template": _template(state),
            "details": _details(card),
            "model_info": _model_info(card, state),
            "capabilities": _capabilities(shelves[0]),
            "modified_at": _started(http),
        }
    )


def _started(http: HttpRequest) -> str:
    return timestamp(http.app.state.started_ns)


def _expires_at(shelved: Shelved) -> str:
    if math.isinf(shelved.expires_in_s):
        return _NEVER
    return timestamp(time.time_ns() + int(min(shelved.expires_in_s, _FAR_S) * 1e9))


def own_name(card: ModelCard) -> str:
    """With a tag, as all of Ollama's names."""
    return card.id if ":" in card.id else f"{card.id}:latest"


def _listed(card: ModelCard, pack_id: str) -> Json:
    name = own_name(card)
    return {
        "name": name,
        "model": name,
        "size": card.size_bytes,
        "digest": pack_id,
        "details": _details(card),
    }


def _details(card: ModelCard) -> Json:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": card.architecture,
        "families": [card.architecture],
        "parameter_size": _in_words(card.parameter_count),
        "quantization_level": card.quantization,
    }


def _in_words(count: int) -> str:
    """1235814432 -> "1.2B", 134515008 -> "134.52M"."""
    for unit, letter in _UNITS:
        if count >= unit:
            return f"{count / unit:.{1 if letter == 'B' else 2}f}{letter}"
    return str(count)


def _parameters(service: Service) -> str:
    """As a Modelfile lists them: those that the pack sets otherwise than llama.cpp."""
    sampling = service.defaults.sampling
    usual = asdict(type(sampling)())
    values = {name: value for name, value in asdict(sampling).items() if value != usual[name]}
    if service.defaults.max_tokens is not None:
        values["num_predict"] = service.defaults.max_tokens
    return "\n".join(
        f"{name:<30} {value}" for name, value in values.items() if isinstance(value, int | float)
    )


def _model_info(card: ModelCard, state: State) -> Json:
    n_ctx = _n_ctx(state)
    return {
        "general.architecture": card.architecture,
        "general.basename": card.name,
        "general.parameter_count": card.parameter_count,
        f"{card.architecture}.context_length": min(card.context_length, n_ctx or 2**31),
    }


def _n_ctx(state: State) -> int | None:
    """The longest text in tokens, as far as it is known yet. Clients ask for what they read of a
    model, so that is no more than what can be had."""
    match state:
        case Ready(session):
            return session.n_ctx
        case ReadyToEmbed(embedder):
            return embedder.facts.max_tokens
    return None


def _template(state: State) -> str:
    """The model's own, in Jinja; "" while it is not known."""
    return state.session.template.capabilities.source if isinstance(state, Ready) else ""


def _capabilities(shelved: Shelved) -> list[str]:
    state = shelved.state
    if isinstance(state, ReadyToEmbed) or shelved.stock.kind != "chat":
        return ["embedding"]
    if not isinstance(state, Ready):
        return ["completion", "vision"] if shelved.stock.card.sees_images else ["completion"]
    from llamapack_runtime.chat.reasoning import marks_of  # it brings the template engine

    template = state.session.template.capabilities
    _, has_marks = marks_of(template.source)
    marks = state.session.vocabulary.infill_tokens
    can = {
        "completion": True,
        "insert": None not in (marks.prefix, marks.suffix, marks.middle),
        "tools": True,  # by a form that is forced on them where the template has none
        "thinking": has_marks or template.shows_reasoning or template.reads("enable_thinking"),
        "embedding": state.embedder is not None,
        "vision": shelved.stock.card.sees_images,
    }
    return [name for name, is_so in can.items() if is_so]
