"""Which of several models a request means, by its `model` and by what it wants of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.stock import Stock
from llamapack_runtime.model_kind import Kind

MAX_QUOTED = 100  # characters
MAX_NAMED = 16  # models in a sentence
# What Ollama's clients put behind a name that has no tag.
_TAG = ":latest"

_DOES = {"chat": "chats", "embedding": "makes embeddings", "reranker": "reranks documents"}


def find(stocks: Iterable[Stock], name: str) -> Stock | None:
    """By its id or its name, or by that of one of its adapters."""
    asked, there = {name, name.removesuffix(_TAG)}, list(stocks)
    found = next((one for one in there if asked & {one.card.id, one.card.name}), None)
    return found or next((one for one in there if asked & {*one.adapters.names}), None)


def named(stocks: Sequence[Stock], name: str) -> Stock:
    """ApiError 404, which lists the models."""
    found = find(stocks, name)
    if found is None:
        there = _listed(one.card.id for one in stocks)
        message = f"There is no model '{name[:MAX_QUOTED]}'; this program serves {there}."
        raise ApiError(404, message, "model_not_found", "model")
    return found


def choose(stocks: Sequence[Stock], name: str | None, need: Kind) -> Stock:
    """The model of that name; without one, the first that does what is needed. A chat model that
    is named for embeddings or reranking stands for the model that does that: clients know one name
    for all. ApiError 404 for an unknown name, 501 when the model does not do it."""
    able = [one for one in stocks if _can(one, need)]
    if not name:
        fit = [one for one in able if one.kind == need]
        return next(iter(fit or able), stocks[0])
    found = named(stocks, name)
    if _can(found, need):
        return found
    if found.kind == "chat" and able:
        return able[0]
    does = f"'{found.card.id}' {_DOES[found.kind]}"
    what = {"chat": "chat", "embedding": "make embeddings", "reranker": "rerank documents"}[need]
    rest = f"; {_listed(one.card.id for one in able)} can" if able else ""
    raise ApiError(501, f"{does} and does not {what}{rest}.", "not_supported", "model")


def _can(stock: Stock, need: Kind) -> bool:
    return stock.kind == need or (need == "embedding" and stock.makes_vectors)


def _listed(ids: Iterable[str]) -> str:
    """ "'A', 'B' and 'C'"."""
    names = [f"'{one[:MAX_QUOTED]}'" for one in ids][:MAX_NAMED]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
