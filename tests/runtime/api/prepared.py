"""A session that prepares any chat, says what the test tells it to, and a client that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fakes import ByteTokenizer
from llamapack_runtime.api.preparing import Preparing
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.errors import ImageUnseen
from llamapack_runtime.chat.parts import AnswerParser, Content, Part
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.sight import images_of
from llamapack_runtime.chat.types import Chat
from llamapack_runtime.engine.types import Event, SampledToken, TextDelta
from runtime.api.clients import make_client
from runtime.api.scripted import ScriptedSession


class LetterParser:
    """Each letter of the text is a part, by a table."""

    is_reasoning = False

    def __init__(self, parts: dict[str, Part]) -> None:
        self._parts = parts

    def push(self, text: str) -> list[Part]:
        return [self._parts.get(letter, Content(letter)) for letter in text]

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:  # noqa: ARG002 - as all
        return []


class PreparedSession(ScriptedSession):
    """Prepares every chat to the same tokens; remembers it."""

    n_ctx = 512
    sees = False
    prompt_tokens: tuple[int, ...] = (1, 2, 3)

    def __init__(
        self,
        *events: Event,
        by_turn: Callable[[int], Iterable[Event]] | None = None,
        parts: dict[str, Part] | None = None,
    ) -> None:
        super().__init__(*events, by_turn=by_turn)
        self.vocabulary = ByteTokenizer()
        self.chats: list[Chat] = []
        self._parts = parts or {}

    def prepare(self, chat: Chat) -> Prompt:
        images = images_of(chat.messages)
        if images and not self.sees:
            raise ImageUnseen(images[0].place)
        self.chats.append(chat)
        return Prompt(self.prompt_tokens, "", self._parser)

    def _parser(self) -> AnswerParser:
        return LetterParser(self._parts)


class Asked:
    """A client of a scripted session."""

    def __init__(
        self,
        service: Service,
        web_root: Path,
        session: PreparedSession,
        preparing: Preparing | None = None,
    ) -> None:
        service.state = Ready(session, "")
        self.session = session
        self.client = make_client(service, web_root, preparing=preparing)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(path, json=body)


def deltas(text: str) -> list[TextDelta]:
    return [
        TextDelta(letter, index, (SampledToken(100 + index),))
        for index, letter in enumerate(text, 1)
    ]
