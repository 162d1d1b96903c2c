"""From messages with images to the tokens and rows of a prompt."""

from __future__ import annotations

import pytest

from fakes import FakeModel
from llamapack_runtime.chat.errors import ChatError, ImageUnseen
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.sight import MAX_IMAGES, ImagesUnread
from llamapack_runtime.chat.types import Image
from runtime.chat.seeing import IMAGE, SPAN, FakeVision, chat, prepared, session_with


def open_session(*, sees: bool = True) -> tuple[Session, FakeVision]:
    model = FakeModel("ok")
    vision = FakeVision(model)
    return session_with(model, vision if sees else None), vision


def test_rows_stand_where_the_mark_stood() -> None:
    session, vision = open_session()
    prompt = prepared(session, chat(IMAGE))
    assert vision.parts == [
        "<|im_start|>user\n",
        b"a cat",
        "What?<|im_end|>\n<|im_start|>assistant\n",
    ]
    assert prompt.media == (SPAN,)
    without = session.prepare(chat())
    assert tuple(token for token in prompt.tokens if token >= 0) == without.tokens
    session.close()


def test_a_model_that_reads_text_says_so_and_where() -> None:
    session, _ = open_session(sees=False)
    with pytest.raises(ImageUnseen, match="'there': this model reads text only, no images") as told:
        session.prepare(chat(IMAGE))
    assert (told.value.status, told.value.place) == (501, "there")
    assert session.prepare(chat()).media == ()
    session.close()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ((IMAGE, Image.unusable("'here' is wrong.", "here")), "'here' is wrong."),
        ((Image.of(b"bad", "here"),), "'here': The image is bad."),
        ((Image.of(b"together", "here"),), "They do not go together."),
        (
            tuple(Image.of(bytes([n]), "here") for n in range(MAX_IMAGES + 1)),
            f"{MAX_IMAGES + 1} images; at most {MAX_IMAGES}",
        ),
    ],
)
def test_an_image_that_cannot_be_read_is_named(images: tuple[Image, ...], words: str) -> None:
    session, _ = open_session()
    with pytest.raises(ChatError, match=words) as told:
        prepared(session, chat(*images))
    assert (told.value.status, told.value.place) == (400, "here")
    session.close()


def test_a_mark_that_somebody_writes_is_text_or_an_image_of_the_chat() -> None:
    """Of another's images nothing is found by it."""
    session, vision = open_session()
    other = Image.of(b"another's")
    prepared(session, chat(IMAGE, text=other.mark))
    assert [part for part in vision.parts if isinstance(part, bytes)] == [b"a cat"]
    assert any(isinstance(part, str) and other.mark in part for part in vision.parts)
    session.close()


def test_new_images_are_for_the_caller_to_look_at() -> None:
    """Nothing is encoded meanwhile, and nothing after it has lost interest."""
    session, vision = open_session()
    with pytest.raises(ImagesUnread) as told:
        session.prepare(chat(IMAGE, Image.of(b"a dog")))
    assert vision.looked == []
    answers = iter([True, False])
    told.value.look(lambda: next(answers))
    assert vision.looked == [b"a cat"]
    session.close()
