"""The chats that this program keeps for the page: list, change, answer, listen."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.chats import files, transfer
from llamapack_runtime.api.chats.answering import begin_answer
from llamapack_runtime.api.chats.desks import desk_of
from llamapack_runtime.api.chats.requests import (
    ChatChanges,
    Confirmation,
    NewAnswer,
    NewChat,
    TasteChanges,
)
from llamapack_runtime.api.chats.units import excerpt
from llamapack_runtime.api.errors import BadRequest, json_response
from llamapack_runtime.api.pages import check_page
from llamapack_runtime.api.paging import page_limit
from llamapack_runtime.api.ready import service_of, session_of
from llamapack_runtime.api.sse import EventStream

MAX_PAGE = 200  # chats
MAX_QUERY = 200  # characters
DEFAULT_PAGE = 50


async def chats(http: HttpRequest) -> Response:
    desk, query = await desk_of(http), http.query_params
    limit = page_limit(http, default=DEFAULT_PAGE, most=MAX_PAGE)
    words = query.get("query", "").strip()
    if words:
        if len(words) > MAX_QUERY:
            raise BadRequest(f"'query' may have {MAX_QUERY} characters.", "query")
        found = await desk.ask(desk.store.search, words, limit)
        listed = [{**desk.shown(one.chat), "excerpt": excerpt(one.excerpt)} for one in found]
        return json_response({"chats": listed, "next": None})
    page = await desk.ask(desk.store.list, limit, query.get("cursor"))
    return json_response({"chats": [desk.shown(one) for one in page.chats], "next": page.next})


async def create(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    wanted = to_struct(await read_object(http), NewChat)
    info = await desk.create(wanted.model)
    desk.tell(info)
    return json_response(desk.shown(info), 201)


async def chat(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    tree = await desk.ask(desk.store.chat, http.path_params["chat"])
    words = {"chat": desk.shown(tree.chat), "messages": desk.current(tree.messages)}
    return json_response(words)


async def change(http: HttpRequest) -> Response:
    desk, name = await desk_of(http), http.path_params["chat"]
    changes = to_struct(await read_object(http), ChatChanges)
    info = await desk.ask(desk.store.info, name)
    if changes.title is not UNSET:
        info = await desk.ask(desk.store.rename, name, changes.title)
    if changes.is_pinned is not UNSET:
        info = await desk.ask(desk.store.pin, name, changes.is_pinned)
    if changes.model is not UNSET:
        info = await desk.choose_model(name, changes.model)
    if changes.head is not UNSET:
        info = await desk.ask(desk.store.set_head, name, changes.head)
    desk.tell(info)
    return json_response(desk.shown(info))


async def delete(http: HttpRequest) -> Response:
    desk, name = await desk_of(http), http.path_params["chat"]
    await desk.stop_all(name)
    await desk.ask(desk.store.delete, name)
    desk.board.tell("gone", {"id": name})
    return Response(status_code=204)


async def delete_all(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    to_struct(await read_object(http), Confirmation)
    await desk.delete_all()
    return Response(status_code=204)


async def answer(http: HttpRequest) -> Response:
    if service_of(http).pool is None:
        session_of(http)  # several models are loaded when they are to answer
    desk, name = await desk_of(http), http.path_params["chat"]
    wanted = to_struct(await read_object(http), NewAnswer)
    messages = await begin_answer(desk, name, wanted)
    info = await desk.ask(desk.store.info, name)
    return json_response({"messages": messages, "chat": desk.shown(info)}, 202)


async def stop(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    await read_object(http)
    desk.turn_of_answer(http.path_params["answer"]).stop()
    return json_response({"status": "stopping"}, 202)


async def answer_now(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    await read_object(http)
    desk.turn_of_answer(http.path_params["answer"]).end_thinking()
    return json_response({"status": "answering"}, 202)


async def events(http: HttpRequest) -> Response:
    check_page(http)
    desk = await desk_of(http)
    return EventStream(desk.listen(http.query_params.get("chat"), http.app.state.keep_alive_s))


async def settings(http: HttpRequest) -> Response:
    return json_response(await (await desk_of(http)).taste())


async def change_settings(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    changes = await read_object(http)
    to_struct(changes, TasteChanges)
    return json_response(await desk.set_taste(changes))


_CHAT, _ANSWER = "/llamapack/chats/{chat:str}", "/llamapack/answers/{answer:str}"
ROUTES: list[Any] = [
    Route("/llamapack/chats", chats, methods=["GET"]),
    Route("/llamapack/chats", create, methods=["POST"]),
    Route("/llamapack/chats", delete_all, methods=["DELETE"]),
    *transfer.ROUTES,
    *files.ROUTES,
    Route(_CHAT, chat, methods=["GET"]),
    Route(_CHAT, change, methods=["PATCH"]),
    Route(_CHAT, delete, methods=["DELETE"]),
    Route(f"{_CHAT}/answers", answer, methods=["POST"]),
    Route(f"{_ANSWER}/stop", stop, methods=["POST"]),
    Route(f"{_ANSWER}/answer-now", answer_now, methods=["POST"]),
    Route("/llamapack/events", events, methods=["GET"]),
    Route("/llamapack/settings", settings, methods=["GET"]),
    Route("/llamapack/settings", change_settings, methods=["PATCH"]),
]
