"""What the chat core raises.

ChatError
├── ImageUnseen            the model reads text only
└── ChatTemplateError      the template cannot be read, or cannot show these messages
    └── TemplateRefusal    so it says itself
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

About = Literal["messages", "tools", "tool_choice", "format", "thinking", "template_variables"]


class ChatError(Exception):
    """The message is a whole sentence. `status` is the HTTP status that describes it best, `about`
    the field of a `chat.types.Chat` that is wrong; `place` is what its client calls that, where it
    has several names."""

    status = 400
    code = "invalid_request"

    def __init__(self, message: str, about: About = "messages", place: str = "") -> None:
        super().__init__(message)
        self.about = about
        self.place = place


class ImageUnseen(ChatError):  # noqa: N818 - what happens
    """`place` is where the image is."""

    status = 501
    code = "unsupported_modality"

    def __init__(self, place: str) -> None:
        super().__init__(f"'{place}': this model reads text only, no images.", place=place)


class ChatTemplateError(ChatError):
    code = "chat_template_error"


class TemplateRefusal(ChatTemplateError):  # noqa: N818 - what happened
    pass


@contextmanager
def blaming(about: About, place: str = "") -> Iterator[None]:
    """What is refused within is about this."""
    try:
        yield
    except ChatError as error:
        error.about, error.place = about, place
        raise
