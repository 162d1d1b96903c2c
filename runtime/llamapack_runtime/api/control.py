"""The program's own routes: what it is, whether it is this user's, and its end."""

from __future__ import annotations

import dataclasses
import os
import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_object
from llamapack_runtime.api.errors import ApiError, BadRequest, json_response
from llamapack_runtime.api.proof import instance_proof
from llamapack_runtime.api.ready import service_of
from llamapack_runtime.api.service import LoadFailed, Loading, Ready

_CHALLENGE = re.compile(r"[0-9a-f]{16,64}")
_NO_STORE = {"Cache-Control": "no-store"}


async def info(request: Request) -> Response:
    service = service_of(request)
    state = service.state
    is_ready = isinstance(state, Ready)
    words = {
        "name": service.about.name,
        "pack_id": service.about.pack_id,
        "llamapack_version": service.about.llamapack_version,
        "versions": dict(service.about.versions),
        "model": dataclasses.asdict(service.about.model),
        "state": "ready" if is_ready else "failed" if isinstance(state, LoadFailed) else "loading",
        "loading": dataclasses.asdict(state) if isinstance(state, Loading) else None,
        "failed": state.sentence if isinstance(state, LoadFailed) else None,
        "hardware": state.hardware if isinstance(state, Ready) else None,
        "notes": list(state.notes) if isinstance(state, Ready) else [],
        "n_ctx": state.session.n_ctx if isinstance(state, Ready) else None,
    }
    return json_response(words, 200, _NO_STORE)


async def instance(request: Request) -> Response:
    """A second start asks: are you the process whose token is in my file? The proof shows it
    without giving the token to whoever else may listen on this port."""
    service = service_of(request)
    challenge = request.query_params.get("challenge", "")
    words: dict[str, object] = {"pack_id": service.about.pack_id, "pid": os.getpid()}
    if challenge:
        if not _CHALLENGE.fullmatch(challenge):
            raise BadRequest("'challenge' must be 16 to 64 hexadecimal digits.", "challenge")
        words["proof"] = instance_proof(service.instance_token, challenge)
    return json_response(words, 200, _NO_STORE)


async def quit_program(request: Request) -> Response:
    """Stop the program. JSON only: no other site's form can send that."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "Send this request as application/json.", "unsupported_media_type")
    await read_object(request)
    service_of(request).quit()
    return json_response({"status": "stopping"}, 202, _NO_STORE)


ROUTES = [
    Route("/llamapack/info", info, methods=["GET"]),
    Route("/llamapack/instance", instance, methods=["GET"]),
    Route("/llamapack/quit", quit_program, methods=["POST"]),
]
