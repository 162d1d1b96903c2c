"""The program's own routes: what it is, whether it is this user's, and its end."""

from __future__ import annotations

import dataclasses
import os
import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api import brand, pages, report
from llamapack_runtime.api.adapters import AdapterRack
from llamapack_runtime.api.body import read_object, require_json
from llamapack_runtime.api.brand import brand_words
from llamapack_runtime.api.caller import caller_of
from llamapack_runtime.api.errors import ApiError, BadRequest, NotReady, json_response
from llamapack_runtime.api.proof import instance_proof
from llamapack_runtime.api.ready import service_of, shelves_of
from llamapack_runtime.api.service import LoadFailed, Loading, Ready, ReadyToEmbed, State, Unloaded

_CHALLENGE = re.compile(r"[0-9a-f]{16,64}")
_NO_STORE = {"Cache-Control": "no-store"}


async def info(request: Request) -> Response:
    service = service_of(request)
    state = service.state
    known = state if isinstance(state, Ready | ReadyToEmbed | Unloaded) else None
    is_ready = known is not None
    n_ctx = _n_ctx(state)
    words = {
        "name": service.about.name,
        "pack_id": service.about.pack_id,
        "llamapack_version": service.about.llamapack_version,
        "versions": dict(service.about.versions),
        "model": dataclasses.asdict(service.about.model),
        "state": "ready" if is_ready else "failed" if isinstance(state, LoadFailed) else "loading",
        "loading": dataclasses.asdict(state) if isinstance(state, Loading) else None,
        "failed": state.sentence if isinstance(state, LoadFailed) else None,
        "code": state.code if isinstance(state, LoadFailed) else None,
        "hardware": known and known.hardware,
        "gpu": _gpu(known),
        "notes": [*service.notes, *(known.notes if known else ())],
        "chats": n_ctx is not None if is_ready else None,
        "n_ctx": n_ctx,
        "models": [
            {
                "id": one.stock.card.id,
                "name": one.stock.card.name,
                "kind": one.stock.kind,
                "sees_images": one.stock.card.sees_images,
                "adapters": _adapters(one.stock.adapters),
            }
            for one in shelves_of(request)
            if service.pool is not None
        ],
        "brand": brand_words(service.about),
        "quits_when_closed": service.quits_when_closed,
        "adapters": _adapters(service.defaults.adapters),
    }
    return json_response(words, 200, _NO_STORE)


def _gpu(state: Ready | ReadyToEmbed | Unloaded | None) -> dict[str, object] | None:
    return None if state is None or state.gpu is None else dataclasses.asdict(state.gpu)


def _adapters(rack: AdapterRack) -> list[dict[str, object]]:
    return [dataclasses.asdict(one) for one in rack.cards()]


def _n_ctx(state: State) -> int | None:
    if isinstance(state, Ready):
        return state.session.n_ctx
    return state.n_ctx if isinstance(state, Unloaded) else None


async def instance(request: Request) -> Response:
    """A second start asks: are you the process whose token is in my file? The proof shows it
    without giving the token to whoever else may listen on this port."""
    service = service_of(request)
    challenge = request.query_params.get("challenge", "")
    words: dict[str, object] = {"pack_id": service.about.pack_id, "pid": os.getpid()}
    if challenge:
        if not _CHALLENGE.fullmatch(challenge):
            raise BadRequest("'challenge' must be 16 to 64 hexadecimal digits.", "challenge")
        if service.is_ending:
            raise NotReady("The program is stopping.", "shutting_down")
        request.app.state.pages.expect()
        words["proof"] = instance_proof(service.instance_token, challenge)
    return json_response(words, 200, _NO_STORE)


async def quit_program(request: Request) -> Response:
    """Stop the program. JSON only: no other site's form can send that."""
    require_json(request)
    await read_object(request)
    if not caller_of(request).may_stop:
        raise ApiError(
            403,
            "Only the program's own page and the first of its keys may stop it; ask whoever started"
            " it.",
            "not_allowed",
        )
    service_of(request).quit()
    return json_response({"status": "stopping"}, 202, _NO_STORE)


ROUTES = [
    Route("/llamapack/info", info, methods=["GET"]),
    Route("/llamapack/instance", instance, methods=["GET"]),
    Route("/llamapack/quit", quit_program, methods=["POST"]),
    *brand.ROUTES,
    *pages.ROUTES,
    *report.ROUTES,
]
