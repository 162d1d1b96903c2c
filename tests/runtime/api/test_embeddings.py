"""/v1/embeddings and llama-server's own routes over a fake embedder."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from event_loop import run_async
from fake_embedder import FakePooled
from fakes import ByteTokenizer
from llamapack_runtime.api.service import Ready, ReadyToEmbed, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.embed_texts import EmbedFacts, RerankForm, TextEmbedder
from llamapack_runtime.engine.embed_types import EmbedEmit, EmbedRequest
from llamapack_runtime.engine.errors import ContextError
from runtime.api.clients import make_client
from runtime.api.embedding_service import MakeClient, embeds
from runtime.api.served import TIMEOUT_S

__all__ = ["embeds"]  # a fixture

Json = dict[str, object]


def post(client: TestClient, body: object, path: str = "/v1/embeddings") -> Json:
    reply = client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    found: Json = reply.json()
    return found


def refusal(client: TestClient, body: object, path: str = "/v1/embeddings") -> Json:
    reply = client.post(path, json=body)
    assert reply.status_code == 400, reply.text
    found: Json = reply.json()["error"]
    return found


def vectors(reply: Json) -> list[list[float]]:
    data = reply["data"]
    assert isinstance(data, list)
    assert [one["index"] for one in data] == list(range(len(data)))
    assert {one["object"] for one in data} == {"embedding"}
    return [one["embedding"] for one in data]


def test_a_text_becomes_a_normalised_vector(embeds: MakeClient) -> None:
    reply = post(embeds(), {"model": "any", "input": "ab"})
    ((first, second, *rest),) = vectors(reply)
    mean = (256 + 97 + 98) / 3
    assert [first, second] == pytest.approx([mean / math.hypot(mean, 1), 1 / math.hypot(mean, 1)])
    assert rest == [0, 0]
    assert reply["object"] == "list"
    assert reply["model"] == "test-model"
    assert reply["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        ("b", [177]),
        (["b", "d"], [177, 178]),
        ([1, 2, 3], [2]),
        ([[1, 2, 3], [5]], [2, 5]),
        (["b", [5]], [177, 5]),
    ],
)
def test_inputs_are_texts_and_tokens(embeds: MakeClient, asked: object, means: list[float]) -> None:
    reply = post(embeds(), {"input": asked, "embd_normalize": -1})
    assert [vector[0] for vector in vectors(reply)] == means


def test_base64_holds_the_same_floats(embeds: MakeClient) -> None:
    client = embeds()
    (floats,) = vectors(post(client, {"input": "ab", "encoding_format": "float"}))
    data = post(client, {"input": "ab", "encoding_format": "base64"})["data"]
    assert isinstance(data, list)
    assert struct.unpack("<4f", base64.b64decode(data[0]["embedding"])) == tuple(floats)


def test_dimensions_shorten_and_normalise_again(embeds: MakeClient) -> None:
    ((first,),) = vectors(post(embeds(), {"input": "ab", "dimensions": 1}))
    assert first == 1


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        (-1, [5, 1]),
        (0, [32760, 6552]),
        (1, [5 / 6, 1 / 6]),
        (2, [5 / 26**0.5, 1 / 26**0.5]),
        (3, [5 / 126 ** (1 / 3), 1 / 126 ** (1 / 3)]),
        (1024, [1, 0.2]),
    ],
)
def test_norms_are_llama_server_s(embeds: MakeClient, norm: int, expected: list[float]) -> None:
    in_request = post(embeds(), {"input": [5], "embd_normalize": norm})
    by_default = post(embeds(normalize=norm), {"input": [5]})
    assert vectors(in_request)[0][:2] == pytest.approx(expected)
    assert in_request == by_default


def test_a_long_input_is_refused_with_both_numbers(embeds: MakeClient) -> None:
    error = refusal(embeds(max_tokens=8), {"input": ["ok", "a" * 8]})
    assert error["code"] == "context_length_exceeded"
    assert "9 tokens" in str(error["message"])
    assert "8" in str(error["message"])


@pytest.mark.parametrize(("limit", "count"), [(-1, 8), (3, 3)])
def test_a_long_input_is_cut_where_that_is_wished(
    embeds: MakeClient, limit: int, count: int
) -> None:
    body = {"input": "a" * 30, "truncate_prompt_tokens": limit}
    usage = post(embeds(max_tokens=8), body)["usage"]
    assert usage == {"prompt_tokens": count, "total_tokens": count}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": ["a", []]}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [[1.5]]}, "input"),
        ({"input": [-1]}, "input"),
        ({"input": [260]}, "input"),
        ({"input": [2**70]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": ["a" * 1000] * 5000}, "input"),
        ({"input": "a" * (5 << 20)}, "input"),
        ({"input": "a", "dimensions": 5}, "dimensions"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "truncate_prompt_tokens": 41}, "truncate_prompt_tokens"),
        ({"input": "a", "truncate_prompt_tokens": -2}, "truncate_prompt_tokens"),
        ({"input": "a", "truncate_prompt_tokens": 0}, "truncate_prompt_tokens"),
        ({"input": "a", "embd_normalize": -2}, "embd_normalize"),
        ({"input": "a", "temperature": 1}, "temperature"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_requests_are_refused_by_name(embeds: MakeClient, body: Json, param: str) -> None:
    assert refusal(embeds(), body)["param"] == param


def test_too_many_tokens_in_all_are_refused(embeds: MakeClient) -> None:
    body = {"input": [[1] * 40] * 2000, "truncate_prompt_tokens": 40}
    post(embeds(), body)
    error = refusal(embeds(max_tokens=400), {"input": [[1] * 400] * 2000})
    assert "800,000 tokens" in str(error["message"])


@pytest.mark.parametrize("path", ["/embedding", "/embeddings"])
@pytest.mark.parametrize("name", ["content", "input"])
def test_llama_server_s_own_routes(embeds: MakeClient, path: str, name: str) -> None:
    reply = embeds().post(path, json={name: [[5], [7]], "embd_normalize": -1})
    assert reply.json() == [
        {"index": 0, "embedding": [[5, 1, 0, 0]]},
        {"index": 1, "embedding": [[7, 1, 0, 0]]},
    ]


def test_without_pooling_each_token_has_a_vector(embeds: MakeClient) -> None:
    client = embeds("none")
    reply = client.post("/embeddings", json={"input": [5, 7]})
    assert reply.json() == [{"index": 0, "embedding": [[5, 1, 0, 0], [7, 1, 0, 0]]}]
    error = refusal(client, {"input": [5, 7]})
    assert "/embeddings" in str(error["message"])


@pytest.mark.parametrize("path", ["/embedding", "/embeddings"])
def test_native_bad_requests_are_refused(embeds: MakeClient, path: str) -> None:
    assert refusal(embeds(), {"model": "a"}, path)["param"] == "input"
    assert refusal(embeds(), {"content": ""}, path)["param"] == "content"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/completions", {"prompt": "Hi"}),
    ],
)
def test_an_embedding_pack_does_not_chat(embeds: MakeClient, path: str, body: Json) -> None:
    reply = embeds().post(path, json=body)
    assert reply.status_code == 501
    assert "holds an embedding model" in reply.json()["error"]["message"]


def test_an_embedding_pack_is_ready(embeds: MakeClient) -> None:
    client = embeds()
    assert client.get("/health").status_code == 200
    info = client.get("/llamapack/info").json()
    assert info["state"] == "ready"
    assert info["chats"] is False
    assert info["notes"] == ["A note."]
    assert "llamapack_ready 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings"])
def test_a_chat_pack_names_the_flag(client: TestClient, path: str) -> None:
    reply = client.post(path, json={"input": "a"})
    assert reply.status_code == 501
    assert "--embeddings" in reply.json()["error"]["message"]


def test_a_chat_pack_embeds_where_that_is_asked_for(
    service: Service,
    make_session: Callable[..., Session],
    embeds: MakeClient,
    web_root: Path,
) -> None:
    embeds()
    embedder = getattr(service.state, "embedder", None)
    service.state = Ready(make_session(), "", (), embedder)
    client = make_client(service, web_root)
    assert len(vectors(post(client, {"input": "a"}))) == 1
    chat = {"messages": [{"role": "user", "content": "Hi"}]}
    assert client.post("/v1/chat/completions", json=chat).status_code == 200


def test_while_it_loads_there_is_nothing(loading_client: TestClient) -> None:
    assert loading_client.post("/v1/embeddings", json={"input": "a"}).status_code == 503


def test_a_failure_is_told(embeds: MakeClient) -> None:
    pooled = FakePooled()
    pooled.outcomes.append(ContextError("The context is gone."))
    reply = embeds(pooled=pooled).post("/v1/embeddings", json={"input": "a"})
    assert reply.status_code == 500


def test_numbers_that_are_none_are_told(embeds: MakeClient) -> None:
    class Broken(FakePooled):
        def _vector(self, value: float) -> object:  # type: ignore[override]  # of its own
            vector = super()._vector(value)
            vector[0] = math.nan
            return vector

    reply = embeds(pooled=Broken()).post("/v1/embeddings", json={"input": "a"})
    assert reply.status_code == 500
    assert "no numbers" in reply.json()["error"]["message"]


class Endless:
    """Begins what is submitted, and never ends it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.submitted: list[str] = []
        self.aborted: list[str] = []

    def submit(self, request: EmbedRequest, _emit: EmbedEmit) -> None:
        self.submitted.append(request.request_id)
        self.begun.set()

    def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)

    def close(self) -> None:
        """Nothing runs."""


def test_what_nobody_waits_for_is_not_computed(service: Service, web_root: Path) -> None:
    runs = Endless()
    embedder = TextEmbedder(runs, ByteTokenizer(), EmbedFacts("mean", 4, 40), RerankForm())
    service.state = ReadyToEmbed(embedder, "")
    app = make_client(service, web_root).app
    body = [{"type": "http.request", "body": b'{"input": "a"}'}]

    async def receive() -> Message:
        if body:
            return body.pop()
        await asyncio.wait_for(runs.begun.wait(), TIMEOUT_S)
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        """The client has gone."""

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": "/v1/embeddings", "query_string": b""}
        more = {"raw_path": b"/v1/embeddings", "headers": [(b"host", b"localhost")]}
        await app(scope | more, receive, send)

    run_async(ask())
    assert runs.aborted == runs.submitted != []
