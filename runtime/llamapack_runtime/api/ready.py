"""The session of a request, or the reason why there is none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from llamapack_runtime.api.errors import NotReady
from llamapack_runtime.api.service import LoadFailed, Ready, Service

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session


def service_of(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service), "set by build_app"
    return service


def session_of(request: Request) -> Session:
    """NotReady while the model is loading, or when it could not be loaded."""
    state = service_of(request).state
    if isinstance(state, Ready):
        return state.session
    if isinstance(state, LoadFailed):
        raise NotReady(state.sentence, "model_unusable")
    raise NotReady("The model is still loading; try again in a moment.", "loading")
