"""What llama-server tells of itself: /props, /slots, /lora-adapters.

The engine puts requests wherever there is room and tells how many run, not which: in /slots the
first ones are busy. No slot can be chosen, saved or erased; prompts are found in all of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_list, to_struct
from llamapack_runtime.api.errors import ApiError, json_response
from llamapack_runtime.api.llamacpp.requests import AdapterScales
from llamapack_runtime.api.llamacpp.settings import default_settings
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of, state_of
from llamapack_runtime.api.service import Ready
from llamapack_runtime.api.wish import Wish

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.template import ChatTemplate


async def props(http: HttpRequest) -> Response:
    """`model_path` is the model's name: no path of this computer leaves it."""
    session, service = session_of(http), service_of(http)
    about, defaults, card = service.about, defaults_of(http), card_of(http)
    params = default_settings(Wish(defaults.sampling, defaults.max_tokens))
    params["lora"] = defaults.adapters.listed(defaults.adapters.default)
    return json_response(
        {
            "default_generation_settings": {"params": params, "n_ctx": session.n_ctx},
            "total_slots": session.stats().slots,
            "model_alias": card.id,
            "model_ftype": card.quantization,
            "model_path": card.name,
            "modalities": {"vision": card.sees_images, "video": False, "audio": False},
            "media_marker": "",
            "draft_model": _draft(http),
            "gpu": _gpu(http),
            "endpoint_slots": True,
            "endpoint_props": False,
            "endpoint_metrics": True,
            "ui": True,
            "ui_settings": {},
            "chat_template": session.template.capabilities.source,
            "chat_template_caps": _capabilities(session.template),
            "bos_token": session.vocabulary.bos_token,
            "eos_token": session.vocabulary.eos_token,
            "build_info": f"llamapack-{about.llamapack_version}",
            "is_sleeping": False,
            "cors_proxy_enabled": False,
        }
    )


def _draft(http: HttpRequest) -> dict[str, object] | None:
    """The draft model: no field of llama-server's."""
    state = state_of(http)
    if not isinstance(state, Ready) or state.draft is None:
        return None
    report = state.draft()
    return {"name": report.name, "is_used": report.problem is None, "problem": report.problem}


def _gpu(http: HttpRequest) -> dict[str, object] | None:
    """Whether and why a graphics card computes: no field of llama-server's."""
    state = state_of(http)
    if not isinstance(state, Ready) or state.gpu is None:
        return None
    return dataclasses.asdict(state.gpu)


async def change_props(_http: HttpRequest) -> Response:
    message = "The properties of this program cannot be changed while it runs."
    raise ApiError(501, message, "not_supported")


async def slots(http: HttpRequest) -> Response:
    session = session_of(http)
    stats = session.stats()
    if http.query_params.get("fail_on_no_slot") and stats.busy >= stats.slots:
        raise ApiError(503, "No slot is available.", "no_slot", retry_after_s=1)
    return json_response(
        [
            {
                "id": number,
                "n_ctx": session.n_ctx,
                "speculative": stats.draft_tokens > 0,
                "is_processing": number < stats.busy,
            }
            for number in range(stats.slots)
        ]
    )


async def change_slot(_http: HttpRequest) -> Response:
    message = (
        "Slots cannot be saved, restored or erased: this program keeps what it has read by itself,"
        " and finds it again for every prompt."
    )
    raise ApiError(501, message, "not_supported")


async def lora_adapters(http: HttpRequest) -> Response:
    """`path` is the name, too: no path of this computer leaves it."""
    session_of(http)
    cards = defaults_of(http).adapters.cards()
    return json_response(
        [
            {
                "id": number,
                "name": card.name,
                "path": card.name,
                "scale": card.scale,
                "task_name": "",
                "prompt_prefix": "",
            }
            for number, card in enumerate(cards)
        ]
    )


async def change_lora_adapters(http: HttpRequest) -> Response:
    session_of(http)
    body = {"adapters": await read_list(http)}
    defaults_of(http).adapters.change(to_struct(body, AdapterScales).adapters)
    return json_response({"success": True})


def _capabilities(template: ChatTemplate) -> dict[str, bool]:
    found = template.capabilities
    return {
        "supports_object_arguments": found.shows_tool_calls,
        "supports_parallel_tool_calls": found.shows_parallel_calls,
        "supports_preserve_reasoning": found.shows_reasoning,
        "supports_reasoning_effort": found.reads("reasoning_effort"),
        "supports_string_content": not found.wants_parts,
        "supports_system_role": found.shows_system,
        "supports_tool_calls": found.shows_tool_calls,
        "supports_tools": found.shows_tools,
        "supports_typed_content": found.wants_parts,
    }


ROUTES = [
    Route("/props", props, methods=["GET"]),
    Route("/props", change_props, methods=["POST"]),
    Route("/slots", slots, methods=["GET"]),
    Route("/slots/{number}", change_slot, methods=["POST"]),
    Route("/lora-adapters", lora_adapters, methods=["GET"]),
    Route("/lora-adapters", change_lora_adapters, methods=["POST"]),
]
