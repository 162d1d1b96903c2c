"""All that happens to the chats of one program: the store, the answers in the making, and the tabs
that are told. Belongs to one event loop; the store is asked on other threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import msgspec

from llamapack_runtime.api.chats.board import Board
from llamapack_runtime.api.chats.lending import Lending
from llamapack_runtime.api.chats.library import Library, count_tokens
from llamapack_runtime.api.chats.taste import Taste
from llamapack_runtime.api.chats.turn import Means, Turn
from llamapack_runtime.api.chats.vectors import Vectors
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.preparing import Preparing
from llamapack_runtime.api.service import Service
from llamapack_runtime.api.sse import named_frame
from llamapack_runtime.files.picture_header import PictureHeader
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import StoreError
from llamapack_runtime.store.types import ChatInfo, FileInfo, StoredMessage

_TASTE = "taste"

Result = TypeVar("Result")


class Desk:
    """One for each program."""

    def __init__(self, service: Service, preparing: Preparing, store: ChatStore) -> None:
        self._service = service
        self._lending = Lending(service)
        self._preparing = preparing
        self._store = store
        self._turns: dict[str, Turn] = {}  # by the id of the chat
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._taste_lock = asyncio.Lock()
        self._vectors: Vectors | None = None
        self._embedding: set[str] = set()  # ids of files whose vectors are made, or wait for that
        self._embedding_lock = asyncio.Lock()
        self.board = Board()
        loop = asyncio.get_running_loop()
        service.at_end(partial(_call_soon, loop, self._begin_close))

    async def ask(self, work: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """What a method of the store returns. ApiError with the store's own words."""
        try:
            return await asyncio.to_thread(partial(work, *arguments, **named))
        except StoreError as error:
            retry_after_s = 1 if error.status == 503 else None
            raise ApiError(
                error.status, str(error), error.code, retry_after_s=retry_after_s
            ) from error

    @property
    def store(self) -> ChatStore:
        return self._store

    def is_answering(self, chat: str) -> bool:
        return chat in self._turns

    @property
    def is_busy(self) -> bool:
        """Whether an answer is not kept yet."""
        return bool(self._turns)

    def turn_of_answer(self, message: str) -> Turn:
        for turn in self._turns.values():
            if turn.message_id == message:
                return turn
        raise ApiError(404, "This answer is not being written.", "not_found")

    async def taste(self) -> Taste:
        stored = await self.ask(self._store.settings)
        try:
            taste = msgspec.convert(stored.get(_TASTE, {}), Taste)
        except msgspec.ValidationError:  # written by another version
            taste = Taste()
        if self._service.is_system_prompt_locked:  # they may be from before it was
            taste.instructions = ""
        return taste

    async def set_taste(self, changes: Mapping[str, Any]) -> Taste:
        """BadRequest's cause is msgspec.ValidationError. ApiError 403 for instructions where the
        packer locked the system prompt, 404 or 400 for a model that is none that chats."""
        if changes.get("model") is not None:
            changes = {**changes, "model": self._lending.check(changes["model"])}
        if self._service.is_system_prompt_locked and changes.get("instructions"):
            message = "Whoever made this program locked what the model is told; it takes no more."
            raise ApiError(403, message, "locked", "instructions")
        async with self._taste_lock:  # of two changes at once, both are kept
            now = msgspec.to_builtins(await self.taste())
            sampling = {**now["sampling"], **(changes.get("sampling") or {})}
            taste = msgspec.convert({**now, **changes, "sampling": sampling}, Taste)
            await self.ask(self._store.patch_settings, {_TASTE: msgspec.to_builtins(taste)})
            self.board.tell("settings", taste)
        return taste

    async def delete_all(self) -> None:
        """Chats, files and settings."""
        async with self._taste_lock:
            await self.stop_all()
            await self.ask(self._store.delete_all)
            self.board.tell("gone", {"id": None})
            self.board.tell("settings", await self.taste())

    def lock(self, chat: str) -> asyncio.Lock:
        """Held while an answer is begun: of two that are asked for at once, one is too many."""
        return self._locks.setdefault(chat, asyncio.Lock())

    async def create(self, name: str | None = None) -> ChatInfo:
        """An empty chat. ApiError when `name` is no model that chats."""
        model = self._lending.check(name) or (await self.taste()).model
        return await self.ask(self._store.create, model)

    async def choose_model(self, chat: str, name: str) -> ChatInfo:
        """For this chat, and for those that are begun after it. ApiError when it is none that
        chats."""
        model = self._lending.check(name)
        info = await self.ask(self._store.choose_model, chat, model)
        await self.set_taste({"model": model})
        return info

    async def answer(
        self, chat: ChatInfo, branch: Sequence[StoredMessage], *, continues: bool
    ) -> None:
        """Begin to write the last message of the branch."""
        taste = await self.taste()
        turn = Turn(
            tuple(branch),
            self.board,
            self._save,
            self._save_sources,
            self._over,
            continues=continues,
        )
        self._turns[branch[-1].chat] = turn
        turn.start(partial(self._means, chat.model, taste))
        self.embed(file for one in branch for file in one.files)

    @asynccontextmanager
    async def _means(
        self, model: str | None, taste: Taste, tell: Callable[[str], None]
    ) -> AsyncGenerator[Means, None]:
        """What the chat's model answers with, once that is loaded."""
        async with self._lending.lent(model, tell) as lent:
            defaults = replace(self._service.defaults, adapters=lent.adapters)
            wish = taste.wish(defaults, lent.card.parameter_count)
            library = Library(
                self._store.files,
                lent.session.vocabulary,
                self._ranker(),
                sees=lent.card.sees_images,
            )
            yield Means(lent, library, self._preparing, self._service.measures, taste, wish)

    def embed(self, files: Iterable[FileInfo]) -> None:
        """Begin to make vectors of their passages, where the program can and has not."""
        vectors = self._ranker()
        if vectors is None:
            return
        for name in {file.id for file in files if not file.is_picture} - self._embedding:
            self._embedding.add(name)
            self._begin(self._embed(vectors, name))

    async def tokens(self, text: str) -> int | None:
        """How many a text has; None while there is no model, or no time."""

        return await self._counted(
            lambda: self._lending.with_first(lambda one: count_tokens(one.vocabulary, text))
        )

    async def image_tokens(self, image: PictureHeader) -> int | None:
        """How many tokens an image takes; None while no model is loaded that sees, or no time."""
        size = image.width, image.height
        return await self._counted(
            lambda: self._lending.with_seeing(lambda one: one.image_tokens(*size))
        )

    async def _counted(self, count: Callable[[], int | None]) -> int | None:
        try:
            return await self._preparing.run(count)
        except ApiError:
            return None

    async def changed(self, chat: str) -> None:
        """Tell all tabs how the chat is in their lists."""
        with contextlib.suppress(ApiError):  # it has been deleted since
            self.tell(await self.ask(self._store.info, chat))

    def tell(self, info: ChatInfo) -> None:
        self.board.tell("chats", {"chat": self.shown(info)})

    def shown(self, info: ChatInfo) -> dict[str, Any]:
        return {**msgspec.to_builtins(info), "is_answering": info.id in self._turns}

    def listen(self, chat: str | None, silence_s: float) -> AsyncGenerator[bytes, None]:
        return self.board.listen(chat, partial(self._opening, chat), silence_s)

    def _opening(self, chat: str | None) -> list[bytes]:
        """What a tab that begins to listen has to hear."""
        frames = [named_frame("hello", {})]
        turn = self._turns.get(chat or "")
        if turn is not None:
            frames.append(named_frame("message", turn.message))
            frames += [named_frame(name, data) for name, data in turn.happening]
        return frames

    def current(self, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
        """With the answer in the making as it is now, which the store may not have yet."""
        making = {turn.message_id: turn for turn in self._turns.values()}
        return [making[one.id].message if one.id in making else one for one in messages]

    async def stop_all(self, chat: str | None = None) -> None:
        """The answers of one chat, or of all; returns when they are kept."""
        turns = [turn for name, turn in self._turns.items() if chat in (None, name)]
        for turn in turns:
            turn.stop()
        await asyncio.gather(*(turn.wait() for turn in turns))

    def _save(self, message: StoredMessage) -> None:
        self._store.save_answer(
            message.id,
            message.content,
            message.reasoning,
            message.status,
            message.error,
            message.figures,
        )

    def _save_sources(self, message: StoredMessage) -> None:
        self._store.keep_sources(message.id, message.sources)

    def _ranker(self) -> Vectors | None:
        stock = self._lending.embedding
        if self._vectors is None and stock is not None:
            lend = partial(self._lending.embedder, stock)
            self._vectors = Vectors(self._store.files, stock.card.name, lend)
        return self._vectors

    async def _embed(self, vectors: Vectors, name: str) -> None:
        try:
            async with self._embedding_lock:
                await asyncio.to_thread(vectors.make, name)
        finally:
            self._embedding.discard(name)

    def _over(self, message: StoredMessage) -> None:
        self._turns.pop(message.chat, None)
        self._locks.pop(message.chat, None)
        self._begin(self.changed(message.chat))

    def _begin_close(self) -> None:
        self._begin(self._close())

    async def _close(self) -> None:
        """When the answers are kept that the end of the program interrupts."""
        if self._vectors is not None:
            self._vectors.close()
        await asyncio.gather(*(turn.wait() for turn in self._turns.values()))
        self.board.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: so are its streams
        loop.call_soon_threadsafe(callback)
