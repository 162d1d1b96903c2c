"""Conversations that go on from stored responses, each of which only its `owner` finds. Every
function is blocking."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from llamapack_runtime.api.body import MAX_BODY_BYTES
from llamapack_runtime.api.errors import ApiError, BadRequest
from llamapack_runtime.api.openai.responses.items import REFERENCE, Json, to_items
from llamapack_runtime.api.openai.responses.requests import ResponsesRequest
from llamapack_runtime.api.service import Service

if TYPE_CHECKING:  # SQLite: what the page and the model must not wait for
    from llamapack_runtime.store.responses import StoredResponse

MAX_NAMED = 1000  # items of stored responses, in one request

_ID = re.compile(r"[a-z]{2,4}_[0-9a-f]{48}")
_decode = msgspec.json.decode
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Conversation:
    """The items of one request, and those before them."""

    input: Sequence[Json]
    history: Sequence[Json]

    @property
    def items(self) -> list[Json]:
        return [*self.history, *self.input]


def conversation_of(service: Service, owner: str, request: ResponsesRequest) -> Conversation:
    """ApiError 404 when an earlier response is not there, 400 for an item that is wrong."""
    given: Any = request.input
    if isinstance(given, list):
        given = [*_resolved(service, owner, given)]
    before = request.previous_response_id
    return Conversation(to_items(given), _history(service, owner, before) if before else [])


def keep(service: Service, owner: str, response: Json, conversation: Conversation) -> None:
    """Store it where there is a place for it."""
    if service.responses is None:
        return
    from llamapack_runtime.store.responses import StoredResponse  # SQLite, see above

    service.responses.put(
        StoredResponse(
            response["id"],
            body=_encode(response),
            input=_encode(conversation.input),
            history=_encode(conversation.history),
            item_ids=tuple(item["id"] for item in response["output"]),
        ),
        owner,
    )


def find(
    service: Service, owner: str, response_id: str, param: str = "response_id"
) -> StoredResponse:
    """ApiError 404 when it is not there."""
    store = service.responses if _ID.fullmatch(response_id) else None
    stored = store.get(response_id, owner) if store else None
    if stored is None:
        raise _unknown("response", response_id, param)
    return stored


def forget(service: Service, owner: str, response_id: str) -> None:
    """ApiError 404 when it is not there."""
    store = service.responses if _ID.fullmatch(response_id) else None
    if store is None or not store.delete(response_id, owner):
        raise _unknown("response", response_id, "response_id")


def _history(service: Service, owner: str, response_id: str) -> list[Json]:
    """All items up to the end of a stored response."""
    stored = find(service, owner, response_id, "previous_response_id")
    return [*_decode(stored.history), *_decode(stored.input), *_output(stored)]


def _resolved(service: Service, owner: str, items: Sequence[Json]) -> Iterator[Json]:
    """With the items of stored responses in the place of their names."""
    named = _NamedItems(service, owner)
    for index, item in enumerate(items):
        item_id = item.get("id")
        if item.get("type") == REFERENCE and isinstance(item_id, str):
            yield named.item(item_id, f"input[{index}].id")
        else:
            yield item


class _NamedItems:
    """Those that one request names, within bounds: a name is short, what it stands for may not be.
    Each response is read once."""

    def __init__(self, service: Service, owner: str) -> None:
        self._service = service
        self._owner = owner
        self._found: dict[str, tuple[Json, int]] = {}  # and its size in bytes
        self._n_named = self._size_bytes = 0

    def item(self, item_id: str, param: str) -> Json:
        """ApiError 404 when it is not there, 400 when the items are too many or too large."""
        self._n_named += 1
        if self._n_named > MAX_NAMED:
            message = f"'input' names more than {MAX_NAMED} stored items; name fewer of them."
            raise BadRequest(message, param)
        if item_id not in self._found:
            self._find(item_id)
        if item_id not in self._found:
            raise _unknown("item", item_id, param)
        item, size_bytes = self._found[item_id]
        self._size_bytes += size_bytes
        if self._size_bytes > MAX_BODY_BYTES:
            message = (
                f"The stored items that 'input' names have more than {MAX_BODY_BYTES >> 20} MiB"
                " together; name fewer of them."
            )
            raise BadRequest(message, param)
        return item

    def _find(self, item_id: str) -> None:
        store = self._service.responses if _ID.fullmatch(item_id) else None
        stored = store.get_by_item(item_id, self._owner) if store else None
        for item in _output(stored) if stored else ():
            self._found[item["id"]] = (item, len(_encode(item)))


def _output(stored: StoredResponse) -> list[Json]:
    body: Json = _decode(stored.body)
    output: list[Json] = body["output"]
    return output


def _unknown(what: str, name: str, param: str) -> ApiError:
    return ApiError(
        404,
        f"There is no stored {what} '{name[:100]}': it was deleted, made room for newer ones, or"
        " could not be stored on this computer. Send the conversation in 'input' instead.",
        f"{what}_not_found",
        param,
    )
