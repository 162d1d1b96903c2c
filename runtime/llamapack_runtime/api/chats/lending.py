"""The models that a desk answers with: the one of the program, or those that its pool lends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llamapack_runtime.api.adapters import AdapterRack
from llamapack_runtime.api.errors import BadRequest, NotReady
from llamapack_runtime.api.hold import Hold, Result
from llamapack_runtime.api.naming import find, named
from llamapack_runtime.api.pool import Pool
from llamapack_runtime.api.service import ModelCard, Ready, Service
from llamapack_runtime.api.stock import Stock

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session
    from llamapack_runtime.engine.embed_texts import TextEmbedder

# How long passages wait for the model that ranks them.
_PATIENCE_S = 60.0


def _at_once(work: Callable[[], Any]) -> Any:
    return work()


@dataclass(frozen=True, slots=True)
class Lent:
    """`during` runs what uses the model beyond the end of whoever borrowed it. `is_chosen`: it is
    one of several."""

    session: Session
    card: ModelCard
    adapters: AdapterRack
    is_chosen: bool = False
    during: Callable[[Callable[[], Any]], Any] = _at_once


class Lending:
    def __init__(self, service: Service) -> None:
        self._service = service

    def check(self, name: str | None) -> str | None:
        """The id of the model of that name. ApiError 404 when there is none, 400 when it does not
        chat."""
        pool = self._service.pool
        if name is None:
            return None
        stocks = [Stock(self._service.about.model, "chat")] if pool is None else pool.stocks
        found = named(stocks, name)
        if found.kind != "chat":
            raise BadRequest(f"'{found.card.id}' does not chat; choose another.", "model")
        return found.card.id

    @asynccontextmanager
    async def lent(
        self, name: str | None, tell: Callable[[str], None]
    ) -> AsyncGenerator[Lent, None]:
        """The model of that name, the first one without; also when the pack has no such model any
        more. `tell` hears of the name of a model that has to be loaded before. NotReady."""
        pool = self._service.pool
        if pool is None:
            state = self._service.state
            if not isinstance(state, Ready):
                raise NotReady("The model is not ready; try again in a moment.", "loading")
            yield Lent(state.session, self._service.about.model, self._service.defaults.adapters)
            return
        stock = self._chosen(pool, name)
        asked = pool.ask(stock)
        try:
            if not asked.done():
                tell(stock.card.name)
            hold = await asyncio.wrap_future(asked)
            assert isinstance(hold.state, Ready), "its kind says that it chats"
            yield Lent(hold.state.session, stock.card, stock.adapters, True, hold.during)
        finally:
            pool.give_up(asked)

    def with_first(self, work: Callable[[Session], Result]) -> Result | None:
        """What `work` makes of the first model; None while that is not loaded. Blocking."""
        pool, state = self._service.pool, self._service.state
        if pool is None:
            return work(state.session) if isinstance(state, Ready) else None
        hold = pool.peek(pool.stocks[0])
        return None if hold is None else self._within(hold, work)

    def _within(self, hold: Hold, work: Callable[[Session], Result]) -> Result | None:
        with hold:
            return work(hold.state.session) if isinstance(hold.state, Ready) else None

    def with_seeing(self, work: Callable[[Session], Result]) -> Result | None:
        """As `with_first`, of the first model that sees images."""
        pool = self._service.pool
        if pool is None:
            return self.with_first(work) if self._service.sees_images else None
        seeing = (one for one in pool.stocks if one.kind == "chat" and one.card.sees_images)
        hold = next(filter(None, map(pool.peek, seeing)), None)
        return None if hold is None else self._within(hold, work)

    @property
    def embedding(self) -> Stock | None:
        """The packed model that makes embeddings, if there is one."""
        stocks = () if self._service.pool is None else self._service.pool.stocks
        return next((one for one in stocks if one.kind == "embedding"), None)

    @contextmanager
    def embedder(self, stock: Stock) -> Iterator[TextEmbedder]:
        """Blocking: it is loaded when it is not. Nobody is waited for who has borrowed another
        model, since whoever asks may have one. NotReady, also when it takes too long."""
        pool = self._service.pool
        assert pool is not None, "it has the stock"
        asked = pool.ask(stock, may_wait=False)
        try:
            yield self._embedder_of(asked)
        finally:
            pool.give_up(asked)

    def _embedder_of(self, asked: Future[Hold]) -> TextEmbedder:
        try:
            state = asked.result(_PATIENCE_S).state
        except TimeoutError:
            raise NotReady("The embedding model takes too long to load.", "loading") from None
        assert state.embedder is not None, "its kind says that it makes embeddings"
        return state.embedder

    def _chosen(self, pool: Pool, name: str | None) -> Stock:
        chats = [one for one in pool.stocks if one.kind == "chat"]
        found = find(chats, name) if name else None
        if found is None and not chats:
            raise NotReady("None of this pack's models chats.", "not_supported")
        return found or chats[0]
