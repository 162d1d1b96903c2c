"""The chat page before an engine that says what a test tells it to, at a speed of the test's
choice: everything but the model is real."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llamapack_runtime.api.service import About, AnswerDefaults, Service
from llamapack_runtime.chat.parts import Content, Part
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.types import Chat
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Emit, Finished, Request, TextDelta
from runtime.api.scripted import ScriptedSession
from runtime.api.served import ABOUT, Server, serving

WEB = Path(__file__).resolve().parents[2] / "templates" / "web"


class _PlainParser:
    """All text is content."""

    is_reasoning = False

    def push(self, text: str) -> list[Part]:
        return [Content(text)]

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:  # noqa: ARG002 - as all
        return []


class SpeakingSession(ScriptedSession):
    """Answers each request with the pieces of `answer(question)`, `tokens_per_s` of them a
    second; 0: all at once."""

    def __init__(self, answer: Callable[[str], list[str]], tokens_per_s: float = 0.0) -> None:
        super().__init__()
        self.n_ctx = 32768
        self._answer = answer
        self._pause_s = 1 / tokens_per_s if tokens_per_s else 0.0
        self._question = ""
        self._is_closed = threading.Event()

    def prepare(self, chat: Chat) -> Prompt:
        content = chat.messages[-1].content
        self._question = content if isinstance(content, str) else ""
        return Prompt((1, 2, 3), "prompt", _PlainParser)

    def image_tokens(self, width: int, height: int) -> int | None:
        return 16 if width and height else None

    def submit(self, request: Request, emit: Emit) -> None:
        super().submit(request, emit)
        threading.Thread(target=self._speak, args=(self._question, emit), daemon=True).start()

    def _speak(self, question: str, emit: Emit) -> None:
        pieces = self._answer(question)
        for count, piece in enumerate(pieces, 1):
            if self._is_closed.wait(self._pause_s):
                return
            emit(TextDelta(piece, count))
        emit(Finished("stop", 3, 0, len(pieces), 0.1, 1.0))

    def close(self) -> None:
        self._is_closed.set()


@contextmanager
def speaking(
    folder: Path,
    answer: Callable[[str], list[str]],
    tokens_per_s: float = 0.0,
    about: About = ABOUT,
) -> Iterator[Server]:
    """The page of a program that answers so; its chats are kept in `folder`."""
    service = Service(about, AnswerDefaults(SamplingParams()), lambda: None, "c0ffee" * 8)
    service.data_folder = folder
    with serving(service, SpeakingSession(answer, tokens_per_s), WEB) as server:
        yield server
