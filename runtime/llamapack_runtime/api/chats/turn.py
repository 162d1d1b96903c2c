"""One answer in the making: the program writes it whether a tab is open or not, shows it to those
that are, and keeps what there is of it on disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from llamapack_runtime.api.answer import Answer, Ended, Happening, Said
from llamapack_runtime.api.chats.board import Board
from llamapack_runtime.api.chats.lending import Lent
from llamapack_runtime.api.chats.library import Library
from llamapack_runtime.api.chats.prompts import Reading, read_branch
from llamapack_runtime.api.chats.taste import Taste
from llamapack_runtime.api.chats.units import length
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.measures import Measures
from llamapack_runtime.api.preparing import Preparing
from llamapack_runtime.api.wish import Wish
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.parts import Content, Reasoning
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.types import Finished, PromptProgress, Queued
from llamapack_runtime.store.errors import StoreError
from llamapack_runtime.store.types import Source, Status, StoredMessage

logger = logging.getLogger(__name__)

SAVE_EVERY_S = 0.25
# Errors that the page has words of its own for; of all others it shows the sentence.
_KNOWN_ERRORS = frozenset(["context_length_exceeded", "server_busy"])


@dataclass(frozen=True, slots=True)
class Means:
    """What an answer is made with."""

    lent: Lent
    library: Library
    preparing: Preparing
    measures: Measures
    taste: Taste
    wish: Wish


Borrow = Callable[[Callable[[str], None]], AbstractAsyncContextManager[Means]]


class Turn:
    """`branch` ends with the answer: an empty one, or (`continues`) one to go on with. `save` and
    `save_sources` are blocking; `over` is called once, with the answer as it is kept."""

    def __init__(
        self,
        branch: tuple[StoredMessage, ...],
        board: Board,
        save: Callable[[StoredMessage], None],
        save_sources: Callable[[StoredMessage], None],
        over: Callable[[StoredMessage], None],
        *,
        continues: bool,
    ) -> None:
        self._branch = branch
        self._before = branch[-1]
        self._continues = continues
        self._board = board
        self._save = save
        self._save_sources = save_sources
        self._over = over
        self._content = [self._before.content]
        self._reasoning = [self._before.reasoning]
        self._lengths = [length(self._before.content), length(self._before.reasoning)]
        self._saved_s = time.monotonic()
        self._is_saved = True
        self._is_stopped = False
        self._is_hurried = False
        self._thinking_s: list[float] = []  # when its first and its latest piece came
        self._reading: Reading | None = None
        self._loading: dict[str, Any] | None = None
        self._model: dict[str, Any] = {}  # which of several it is
        self._task: asyncio.Task[None] | None = None

    @property
    def message_id(self) -> str:
        return self._before.id

    @property
    def message(self) -> StoredMessage:
        """The answer as it is now."""
        return replace(
            self._before,
            content="".join(self._content),
            reasoning="".join(self._reasoning),
            status="answering",
        )

    @property
    def happening(self) -> list[tuple[str, dict[str, Any]]]:
        """What a page that comes later has to hear besides the message: names of events, and their
        data."""
        return [] if self._loading is None else [("loading", self._about(self._loading))]

    def start(self, borrow: Borrow) -> None:
        """`borrow` tells of a model that has to be loaded before."""
        self._task = asyncio.create_task(self._run(borrow))

    def stop(self) -> None:
        """By the person; what there is stays."""
        self._is_stopped = True
        if self._task is not None:
            self._task.cancel()

    def end_thinking(self) -> None:
        """The answer is to begin now, with what was thought so far."""
        self._is_hurried = True

    async def wait(self) -> None:
        """Until the answer is kept."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, borrow: Borrow) -> None:
        end: tuple[Status, str | None, dict[str, Any] | None] = ("interrupted", None, None)
        try:
            async with borrow(self._tell_loading) as means:
                ended = await self._answer_patiently(means)
            end = (
                "length" if ended.reason == "length" else "done",
                None,
                self._figures(ended.finished),
            )
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            end = ("stopped", None, None)
        except (ApiError, ChatError, EngineError, StoreError) as error:
            code = getattr(error, "code", None)
            if code != "aborted":  # else the program is stopping
                end = ("failed", code if code in _KNOWN_ERRORS else str(error), None)
        except Exception:
            logger.exception("An answer failed.")
            end = ("failed", "The program made a mistake; its log tells more.", None)
        finally:
            await self._end(*end)

    async def _answer_patiently(self, means: Means) -> Ended:
        """Once more without thinking, when that is cut short."""
        self._loading, lent = None, means.lent
        if lent.is_chosen:
            self._model = {"model": lent.card.name, "n_ctx": lent.session.n_ctx}
        ended = await self._answer(means)
        while ended is None:
            hurried = msgspec.structs.replace(means.taste, thinking=False)
            self._continues, means = True, replace(means, taste=hurried)
            ended = await self._answer(means)
        return ended

    async def _answer(self, means: Means) -> Ended | None:
        branch = self._branch[:-1] + ((self.message,) if self._continues else ())
        read = partial(
            read_branch,
            means.lent.session,
            branch,
            means.taste,
            means.library,
            continues=self._continues,
        )
        reading: Reading = await means.preparing.run(read, means.lent.during)
        self._reading = reading
        await self._show_sources(reading.sources)
        prompt = reading.prompt
        [request] = means.wish.requests(prompt, f"chat-{self._before.id}-{time.monotonic_ns()}")
        session = means.lent.session
        return await self._follow(Answer(session, [request], means.measures, prompt.parser))

    async def _show_sources(self, sources: tuple[Source, ...]) -> None:
        if sources == self._before.sources:
            return
        self._before = replace(self._before, sources=sources)
        self._tell("sources", {"sources": sources})
        await asyncio.to_thread(self._save_sources, self._before)

    async def _follow(self, answer: Answer) -> Ended | None:
        """None when the thinking is to be cut short."""
        try:
            events = await answer.begin(SAVE_EVERY_S)
            while not (self._is_hurried and self._is_thinking):
                for one in events:
                    self._see(one.event)
                    if isinstance(one.event, Ended):
                        return one.event
                await self._save_when_due()
                events = await answer.next(SAVE_EVERY_S)
            self._is_hurried = False
            return None
        finally:
            answer.close()

    @property
    def _is_thinking(self) -> bool:
        return any(self._reasoning) and not any(self._content)

    def _see(self, event: Happening) -> None:
        match event:
            case Queued(position):
                self._tell("queued", {"before": position})
            case PromptProgress(done, total):
                self._tell("progress", {"read": done, "total": total})
            case Said(parts):
                for part in parts:
                    if isinstance(part, Content | Reasoning):
                        self._add(part)

    def _add(self, part: Content | Reasoning) -> None:
        name, kind = ("content", 0) if isinstance(part, Content) else ("reasoning", 1)
        if kind:
            self._thinking_s = [*self._thinking_s[:1], time.monotonic()]
        self._tell("text", {name: part.text, "at": self._lengths[kind]})
        (self._content, self._reasoning)[kind].append(part.text)
        self._lengths[kind] += length(part.text)
        self._is_saved = False

    async def _save_when_due(self) -> None:
        if not self._is_saved and time.monotonic() - self._saved_s >= SAVE_EVERY_S:
            self._is_saved = True
            await asyncio.to_thread(self._save, self.message)
            self._saved_s = time.monotonic()

    async def _end(
        self, status: Status, error: str | None, figures: Mapping[str, Any] | None
    ) -> None:
        message = replace(self.message, status=status, error=error, figures=figures)
        try:
            await asyncio.to_thread(self._save, message)
        except StoreError as failure:
            logger.warning("An answer could not be kept: %s", failure)
        self._tell("end", {"status": status, "error": error, "figures": figures})
        self._over(message)

    def _figures(self, finished: Finished) -> dict[str, Any]:
        """Times in seconds."""
        return {
            "prompt_tokens": finished.prompt_tokens,
            "cached_tokens": finished.cached_tokens,
            "completion_tokens": finished.completion_tokens,
            "prompt_s": round(finished.prompt_s, 3),
            "completion_s": round(finished.completion_s, 3),
            "thinking_s": round(self._thinking_s[-1] - self._thinking_s[0], 3)
            if self._thinking_s
            else None,
            "left_out": self._reading.n_left_out if self._reading else 0,
            "files": self._reading.files if self._reading else None,
            **self._model,
        }

    def _tell_loading(self, model: str) -> None:
        self._loading = {"model": model}
        self._tell("loading", self._loading)

    def _about(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"id": self._before.id, **data}

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        self._board.tell(name, self._about(data), self._before.chat)
