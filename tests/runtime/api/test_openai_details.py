"""Where OpenAI's own server is strict, or its streams have more than one would think."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
    ("/v1/completions", {"prompt": "Hi"}),
]
USAGE = {"include_usage": True}


def chunks(client: TestClient, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    lines = client.post(path, json=body).text.split("\n")
    data = [line[6:] for line in lines if line.startswith("data: ") and line != "data: [DONE]"]
    return [json.loads(one) for one in data]


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_options_of_a_stream_need_one(client: TestClient, path: str, body: dict[str, Any]) -> None:
    for stream in ({}, {"stream": False}):
        reply = client.post(path, json=body | stream | {"stream_options": USAGE})
        assert reply.status_code == 400
        assert reply.json()["error"]["param"] == "stream_options"


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_only_the_last_chunk_has_a_usage(
    client: TestClient, path: str, body: dict[str, Any]
) -> None:
    *earlier, last = chunks(client, path, body | {"stream": True, "stream_options": USAGE})
    assert earlier
    assert all(chunk["usage"] is None for chunk in earlier)
    assert last["usage"]["completion_tokens"] == 7
    assert not any("usage" in chunk for chunk in chunks(client, path, body | {"stream": True}))


@pytest.mark.parametrize(("path", "body"), [*ASKED, ("/v1/responses", {"input": "Hi"})])
@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({str(index): "x" for index in range(16)}, 200),
        ({str(index): "x" for index in range(17)}, 400),
        ({"k" * 64: "v" * 512}, 200),
        ({"k" * 65: "v"}, 400),
        ({"k": "v" * 513}, 400),
        ({"k": 1}, 400),
    ],
)
def test_metadata_is_bounded(
    client: TestClient, path: str, body: dict[str, Any], metadata: dict[str, Any], status: int
) -> None:
    reply = client.post(path, json=body | {"metadata": metadata})
    assert reply.status_code == status, reply.text
    if status == 400:
        assert reply.json()["error"]["param"].startswith("metadata")
