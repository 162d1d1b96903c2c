"""A session that sees, over a projector of the test's."""

from __future__ import annotations

from collections.abc import Sequence

from fakes import FakeModel
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.sight import ImagesUnread
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import Chat, Image, Message
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import ImageError
from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.seen import Seen
from llamapack_runtime.engine.vision import Read, Vision

IMAGE = Image.of(b"a cat", "there")
SPAN = MediaSpan(-5, 3, bytes(12))


class FakeVision:
    """What is behind the seam: an image is three rows."""

    def __init__(self, model: FakeModel) -> None:
        self._model = model
        self.parts: list[str | bytes] = []
        self.looked: list[bytes] = []

    def look(self, data: bytes) -> Seen:
        self.looked.append(data)
        if data == b"bad":
            raise ImageError("The image is bad.")
        return Seen(1, 1, (SPAN,))

    def read(self, parts: Sequence[str | bytes]) -> Read | None:
        if not {part for part in parts if isinstance(part, bytes)} <= {*self.looked}:
            return None
        self.parts = [*parts]
        if b"together" in parts:
            raise ImageError("They do not go together.")
        tokens: tuple[int, ...] = ()
        for part in parts:
            if isinstance(part, bytes):
                tokens += SPAN.tokens
            else:
                tokens += self._model.tokenize(part, add_special=False, parse_special=True)
        return Read(tokens, (SPAN,))


def session_with(model: FakeModel, vision: FakeVision | None) -> Session:
    template = ChatTemplate(CHATML, bos_token=model.bos_token, eos_token=model.eos_token)
    return Session(Engine(model), model, template, n_ctx=512, vision=vision)  # type: ignore[arg-type]  # the fake


def chat(*images: Image, text: str = "What?") -> Chat:
    return Chat((Message("user", "".join(i.mark for i in images) + text, images=images),))


def prepared(session: Session, asked: Chat) -> Prompt:
    """With its images, which are looked at first where that is needed."""
    try:
        return session.prepare(asked)
    except ImagesUnread as unread:
        seen = unread.look(lambda: True)
        assert seen
        return session.prepare(asked)


def looked_at(vision: Vision, parts: Sequence[str | bytes]) -> Read:
    """What a projector makes of texts and the files of images."""
    seen = [vision.look(part) for part in parts if isinstance(part, bytes)]
    read = vision.read(parts)
    assert read is not None, f"it has just seen {len(seen)}"
    return read
