"""Words of many scripts, token by token of a single byte each, through the streams of all
dialects: no character is broken, lost or doubled."""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session

CORPUS = (
    "Grüße! Ça va? Žluťoučký kůň — „Zitat“… ½ × √2 ≤ ∞\n"
    "日本語のテキスト、中文文本，한국어 텍스트. ภาษาไทย हिन्दी தமிழ் العربية עברית\n"
    "Ελληνικά Кириллица ქართული 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𓀀𓂀 e\u0301 n\u0303 \u200d \ufeff\n"
    "😀😂🥰 👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇩🇪🇯🇵 🧑🏿‍🚀 ❤️‍🔥 #️⃣\n"
    '\tcode: `"\\u00e9"` </think> <b>&amp;</b> {"a": [1, 2]} \\ \' "'
)


def events(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data: "))


def of_chat(text: str) -> str:
    deltas = [chunk["choices"][0]["delta"] for chunk in events(text)]
    return "".join(delta.get("content") or "" for delta in deltas)


def of_completion(text: str) -> str:
    return "".join(chunk["choices"][0]["text"] for chunk in events(text))


def of_responses(text: str) -> str:
    kind = "response.output_text.delta"
    return "".join(event["delta"] for event in events(text) if event["type"] == kind)


def of_anthropic(text: str) -> str:
    deltas = [event["delta"] for event in events(text) if event["type"] == "content_block_delta"]
    return "".join(delta["text"] for delta in deltas)


def of_native(text: str) -> str:
    return "".join(event["content"] for event in events(text) if not event["stop"])


def of_ollama_chat(text: str) -> str:
    return "".join(json.loads(line)["message"]["content"] for line in text.splitlines())


def of_ollama_generate(text: str) -> str:
    return "".join(json.loads(line)["response"] for line in text.splitlines())


MESSAGES = [{"role": "user", "content": CORPUS}]
STREAMS: list[tuple[str, dict[str, Any], Callable[[str], str]]] = [
    ("/v1/chat/completions", {"messages": MESSAGES}, of_chat),
    ("/v1/completions", {"prompt": CORPUS}, of_completion),
    ("/v1/responses", {"input": CORPUS, "store": False}, of_responses),
    ("/v1/messages", {"model": "m", "messages": MESSAGES, "max_tokens": 4000}, of_anthropic),
    ("/completion", {"prompt": CORPUS}, of_native),
    ("/api/chat", {"model": "m", "messages": MESSAGES}, of_ollama_chat),
    ("/api/generate", {"model": "m", "prompt": CORPUS}, of_ollama_generate),
]


@pytest.mark.parametrize(("path", "body", "text_of"), STREAMS, ids=[path for path, *_ in STREAMS])
def test_no_character_is_broken(
    path: str,
    body: dict[str, Any],
    text_of: Callable[[str], str],
    service: Service,
    make_session: Callable[..., Session],
    client: TestClient,
) -> None:
    service.state = Ready(make_session(CORPUS, n_ctx=8192), "")
    response = client.post(path, json=body | {"stream": True})
    assert response.status_code == 200, response.text
    assert text_of(response.content.decode("utf-8", "strict")) == CORPUS
