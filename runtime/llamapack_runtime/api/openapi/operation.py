"""What a route takes and gives, in the words of a document. The tables beside this file list one
`Operation` for each thing that the API can do; it may have several paths. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from llamapack_runtime.api.gate import ABOUT_ONE, NEEDS
from llamapack_runtime.api.neutral import Neutral

Method = Literal["get", "post", "patch", "delete"]
Dialect = Literal["OpenAI", "Anthropic", "Ollama", "llama.cpp", "TGI", "llamapack"]
# Every request can be refused so: by the server, the guard, or because something broke.
ALWAYS = frozenset({400, 401, 403, 405, 408, 414, 431, 500, 503})
WITH_BODY = frozenset({413, 415})
WITH_MODEL = frozenset({404, 501})
WITH_ANSWER = frozenset({429, 501, 504})
MODEL = ("model", "Which of several models, where the body names none")
EVENTS, LINES = "text/event-stream", "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`paths` are as the routes have them. `request` is the struct that the body becomes, `body`
    the media type of one that is taken as it is;
    `neutral` are parameters that may only ask for nothing. `reply` are the names that its JSON
    object always has, or a whole schema. `stream`: the media type when the answer comes in pieces.
    `refusals` come besides those of every route; None for `status` means that it only refuses."""

    dialect: Dialect
    paths: tuple[str, ...]
    summary: str
    method: Method = "post"
    description: str = ""
    request: Any = None
    body: str | None = None
    neutral: Neutral | None = None
    status: int | None = 200
    reply: tuple[str, ...] | dict[str, Any] = ()
    media_types: tuple[str, ...] = ("application/json",)  # of the reply; none when it redirects
    stream: str | None = None
    answers: bool = False  # with the model: it may be busy, and may take too long
    query: tuple[tuple[str, str], ...] = ()  # names and meanings
    refusals: frozenset[int] = frozenset()

    @property
    def all_refusals(self) -> list[int]:
        found = ALWAYS | self.refusals
        found |= WITH_BODY if self.request is not None or self.method == "post" else frozenset()
        found |= WITH_ANSWER if self.answers else frozenset()
        found |= WITH_MODEL if self.is_of_a_model else frozenset()
        return sorted(found)

    @property
    def is_of_a_model(self) -> bool:
        """It is answered by one of several models, where there are several."""
        asked = NEEDS if self.method == "post" else ABOUT_ONE if self.method == "get" else ()
        return self.status is not None and any(path in asked for path in self.paths)

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """Of the address: names and meanings."""
        return (*self.query, MODEL) if self.is_of_a_model else self.query

    @property
    def routes(self) -> Iterator[tuple[str, str]]:
        for path in self.paths:
            yield self.method.upper(), path
