"""From a text with the marks of images to what the model reads of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.types import Image, Message
from llamapack_runtime.engine.errors import ImageError

if TYPE_CHECKING:  # what makes images readable is loaded only where a model sees
    from llamapack_runtime.engine.seen import Seen
    from llamapack_runtime.engine.vision import Read, Vision

# In one conversation: each takes a place in the context, and the encoder's time.
MAX_IMAGES = 32


def images_of(messages: Iterable[Message]) -> tuple[Image, ...]:
    return tuple(image for message in messages for image in message.images)


class ImagesUnread(Exception):  # noqa: N818 - what is to be done
    """Images must be encoded before a prompt can be prepared. Call `look`, then prepare it again
    while what `look` returned is held. It blocks for as long as the encoder takes, but ends after
    the present image when `is_wanted` says no. ChatError that names the image which cannot be
    read."""

    def __init__(self, look: Callable[[Callable[[], bool]], object]) -> None:
        super().__init__("Images must be encoded first.")
        self.look = look


class Sight:
    """Used by any number of threads."""

    def __init__(self, vision: Vision) -> None:
        self._vision = vision

    def count(self, width: int, height: int) -> int | None:
        """How many tokens an image of so many pixels takes; None while that cannot be said."""
        try:
            return self._vision.count(width, height)
        except ImageError:
            return None

    def read(self, text: str, images: Sequence[Image]) -> Read:
        """ImagesUnread when one of them is new. ChatError that names the image which cannot be
        read."""
        if len(images) > MAX_IMAGES:
            place = images[MAX_IMAGES].place
            message = f"The messages have {len(images)} images; at most {MAX_IMAGES} are possible."
            raise ChatError(message, place=place)
        problem = next((image for image in images if image.problem is not None), None)
        if problem is not None:
            raise ChatError(str(problem.problem), place=problem.place)
        marked = {image.mark: image.data for image in images}
        # A mark that somebody writes names an image that is there anyway, or is text.
        pieces = re.split("(" + "|".join(map(re.escape, marked)) + ")", text)
        try:
            read = self._vision.read([marked.get(piece, piece) for piece in pieces if piece])
        except ImageError as error:
            raise ChatError(str(error), place=images[0].place) from error
        if read is None:
            raise ImagesUnread(partial(self._look, images))
        return read

    def _look(self, images: Sequence[Image], is_wanted: Callable[[], bool]) -> list[Seen]:
        seen = []
        for image in images:
            if not is_wanted():
                break
            try:
                seen.append(self._vision.look(image.data))
            except ImageError as error:
                raise ChatError(f"'{image.place}': {error}", place=image.place) from error
        return seen
