"""The desk of whoever asks."""

from __future__ import annotations

import asyncio

from starlette.requests import Request as HttpRequest

from llamapack_runtime.api.caller import caller_of
from llamapack_runtime.api.chats.desk import Desk
from llamapack_runtime.api.chats.temporary import clear
from llamapack_runtime.api.chats.uploads import folder_of
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.ready import service_of
from llamapack_runtime.store.errors import StoreError


async def desk_of(http: HttpRequest) -> Desk:
    """The caller's, made for the first request: who may stop the program has those of the person
    before it, and every other key has its own. ApiError 501 where nothing can be kept."""
    caller, state = caller_of(http), http.app.state
    owner = "" if caller.may_stop or caller.key is None else caller.key.secret
    if not hasattr(state, "desks"):
        state.desks, state.opening_desks = {}, asyncio.Lock()
    desks: dict[str, Desk] = state.desks
    async with state.opening_desks:
        if owner not in desks:
            desks[owner] = await _open_desk(http, owner)
    return desks[owner]


async def _open_desk(http: HttpRequest, owner: str) -> Desk:
    service = service_of(http)
    try:
        store = await asyncio.to_thread(service.open_chats, owner)
    except StoreError as error:
        raise ApiError(error.status, str(error), error.code) from error
    if store is None:
        message = "Chats are not kept here: this program has no folder for them."
        raise ApiError(501, message, "not_supported")
    assert service.data_folder is not None, "there is a store"
    await asyncio.to_thread(clear, folder_of(service.data_folder))
    return Desk(service, http.app.state.preparing, store)
