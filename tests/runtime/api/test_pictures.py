"""Images in every dialect: what reaches the chat, and what is said of those that cannot."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.api.pictures import image_of_base64, image_of_url
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.types import Image
from llamapack_runtime.engine.types import Finished
from runtime.api.prepared import Asked, PreparedSession

DATA = b"\x89PNG and so on"
TEXT = base64.b64encode(DATA).decode()
URL = f"data:image/png;base64,{TEXT}"
OPENAI = {"type": "image_url", "image_url": {"url": URL, "detail": "low"}}
CLAUDE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": TEXT}}
WORDS = {"type": "text", "text": "What?"}


class SeeingSession(PreparedSession):
    sees = True


@pytest.fixture
def asked(service: Service, web_root: Path) -> Asked:
    return Asked(service, web_root, SeeingSession(Finished("stop", 3, 0, 0, 0.5, 0.25)))


def user(content: object, **more: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content, **more}]}


IN_EVERY_DIALECT = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", user([OPENAI, WORDS])),
        ("/v1/chat/completions", user([{"type": "image_url", "image_url": URL}, WORDS])),
        ("/v1/messages", {"max_tokens": 9} | user([CLAUDE, WORDS])),
        ("/api/chat", {"model": "m", "stream": False} | user("What?", images=[TEXT])),
        ("/api/chat", {"model": "m", "stream": False} | user("What?", images=[URL])),
        ("/api/generate", {"model": "m", "stream": False, "prompt": "What?", "images": [TEXT]}),
        (
            "/v1/responses",
            {
                "store": False,
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_image", "image_url": URL},
                            {"type": "input_text", "text": "What?"},
                        ],
                    }
                ],
            },
        ),
    ],
)


@IN_EVERY_DIALECT
def test_an_image_stands_where_it_was_sent(asked: Asked, path: str, body: dict[str, Any]) -> None:
    reply = asked.post(path, body)
    assert reply.status_code == 200, reply.text
    (message,) = asked.session.chats[-1].messages
    (image,) = message.images
    assert (image.data, image.problem) == (DATA, None)
    glue = "\n" if path == "/v1/messages" else ""
    assert message.content == f"{image.mark}{glue}What?"


@IN_EVERY_DIALECT
def test_a_model_that_reads_text_alone_refuses_it(
    service: Service, web_root: Path, path: str, body: dict[str, Any]
) -> None:
    blind = Asked(service, web_root, PreparedSession())
    reply = blind.post(path, body)
    assert reply.status_code == 501
    assert "this model reads text only, no images" in reply.text
    assert not blind.session.submitted


def test_a_tools_result_may_have_one(asked: Asked) -> None:
    turns = [
        {"role": "user", "content": "Look."},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": [WORDS, CLAUDE]}],
        },
    ]
    assert asked.post("/v1/messages", {"max_tokens": 9, "messages": turns}).status_code == 200
    result = asked.session.chats[-1].messages[-1]
    assert result.images[0].data == DATA
    assert result.content == f"What?\n{result.images[0].mark}"


@pytest.mark.parametrize(
    ("kind", "word"), [("input_audio", "sound"), ("file", "files"), ("video_url", "video")]
)
def test_what_is_no_image_is_still_refused_by_its_name(asked: Asked, kind: str, word: str) -> None:
    reply = asked.post("/v1/chat/completions", user([{"type": kind, kind: {}}]))
    assert reply.status_code == 501
    assert reply.json()["error"]["code"] == "unsupported_modality"
    assert word in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com/a.png", "fetches nothing"),
        ("file:///etc/passwd", "fetches nothing"),
        ("data:image/png,abc", "a data: URL in base64"),
        ("data:image/png;base64", "a data: URL in base64"),
        ("data:;base64,???", "not valid base64"),
        ("data:;base64,QUI", "not valid base64"),
        ("data:;base64,", "is empty"),
        (None, "must have a data: URL"),
        (7, "must have a data: URL"),
    ],
)
def test_what_is_no_data_url_has_a_sentence(url: object, words: str) -> None:
    image = image_of_url(url, "here")
    assert image.problem is not None
    assert words in image.problem
    assert image.problem.startswith("'here'")


def test_the_same_bytes_have_the_same_mark() -> None:
    assert image_of_base64(TEXT, "a") == image_of_url(URL, "b") == Image.of(DATA)
    assert Image.of(DATA).mark != Image.of(DATA + b"!").mark
    assert image_of_base64(7, "a").problem == "'a' must be the image's file in base64."
