"""The process with an embedding model, with a reranking one, and with a chat model that embeds."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import gguf
import httpx
import openai
import pytest

import needs
from embedding_model import embedding_model
from make_bert_gguf import make_bert
from make_gguf import make_gguf
from runtime.launch.processes import Home, Running, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    needs.LIBRARIES,
]
FIXED = ("--no-browser", "--threads", "2")
CAT = "A cat sleeps on the sofa."
KITTEN = "A kitten naps on the couch."
STOCKS = "Shares fell by three percent."


def start(home: Home, port: int, model: Path, *arguments: str) -> Iterator[Running]:
    libraries = os.environ["LLAMAPACK_TEST_LIBRARIES"]
    variables = {"LLAMAPACK_LIBRARIES": libraries, "LLAMAPACK_MODEL": str(model)}
    with running(home, port, *FIXED, *arguments, **variables) as program:
        program.wait_for("/health", {200})
        yield program
        assert "Traceback" not in program.printed
        assert program.stop() == 0 or sys.platform == "win32"


@pytest.fixture
def minilm(home: Home, free_port: int) -> Iterator[Running]:
    yield from start(home, free_port, embedding_model())


def post(program: Running, path: str, body: object) -> httpx.Response:
    return httpx.post(program.url + path, json=body, trust_env=False, timeout=60)


def client_of(program: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{program.url}/v1", api_key="none", max_retries=0)


def likeness(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_the_official_client_gets_meaning(minilm: Running) -> None:
    """It asks for base64 by itself, and decodes it."""
    client = client_of(minilm)
    found = client.embeddings.create(model="any", input=[CAT, KITTEN, STOCKS])
    cat, kitten, stocks = (one.embedding for one in found.data)
    assert math.hypot(*cat) == pytest.approx(1, abs=1e-5)
    assert likeness(cat, kitten) > 0.5 > likeness(cat, stocks)
    assert found.usage.prompt_tokens > 20
    floats = client.embeddings.create(model="any", input=CAT, encoding_format="float")
    assert floats.data[0].embedding == pytest.approx(cat, abs=1e-6)
    short = client.embeddings.create(model="any", input=CAT, dimensions=32)
    assert math.hypot(*short.data[0].embedding) == pytest.approx(1, abs=1e-5)
    client.close()


def test_inputs_are_limited_by_the_model(minilm: Running) -> None:
    long = {"input": "word " * 600}
    error = post(minilm, "/v1/embeddings", long).json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "602" in error["message"]
    assert "512" in error["message"]
    cut = post(minilm, "/v1/embeddings", long | {"truncate_prompt_tokens": -1}).json()
    assert cut["usage"]["prompt_tokens"] == 512


def test_it_does_not_chat(minilm: Running) -> None:
    chat = {"messages": [{"role": "user", "content": "Hi"}]}
    reply = post(minilm, "/v1/chat/completions", chat)
    assert reply.status_code == 501
    assert "embedding model" in reply.json()["error"]["message"]


def test_many_texts_at_once(minilm: Running) -> None:
    texts = [f"{CAT} {number}" for number in range(300)]
    data = post(minilm, "/v1/embeddings", {"input": texts}).json()["data"]
    assert len(data) == 300
    (alone,) = post(minilm, "/embedding", {"content": texts[123]}).json()[0]["embedding"]
    assert likeness(data[123]["embedding"], alone) > 0.999


def test_a_reranking_model_scores(home: Home, free_port: int, tmp_path: Path) -> None:
    path = make_bert(tmp_path / "rank.gguf", pooling=gguf.PoolingType.RANK, has_score_head=True)
    for program in start(home, free_port, path):
        body = {"query": "which cat", "documents": ["a small cat", "the dog", "zebra quiz"]}
        results = post(program, "/v1/rerank", body).json()["results"]
        scores = [one["relevance_score"] for one in results]
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) == 3


@pytest.mark.parametrize("pooling", [None, 3])
def test_a_decoder_embeds(home: Home, free_port: int, tmp_path: Path, pooling: int | None) -> None:
    """By itself where its file says so, else beside the chat where that is asked for."""
    extra = {} if pooling is None else {"llama.pooling_type": pooling}
    path = make_gguf(tmp_path / "decoder.gguf", extra=extra)
    arguments = ["--embeddings"] if pooling is None else []
    for program in start(home, free_port, path, *arguments):
        first, again = (
            post(program, "/v1/embeddings", {"input": ["a text", "another " * 50]}).json()
            for _ in range(2)
        )
        for one, other in zip(first["data"], again["data"], strict=True):
            assert likeness(one["embedding"], other["embedding"]) == pytest.approx(1, abs=1e-4)
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
        reply = post(program, "/v1/chat/completions", body)
        assert reply.status_code == (200 if pooling is None else 501)


def test_a_pooling_without_its_head_is_refused(home: Home, free_port: int, tmp_path: Path) -> None:
    path = make_bert(tmp_path / "bert.gguf")
    libraries = os.environ["LLAMAPACK_TEST_LIBRARIES"]
    with running(
        home,
        free_port,
        *FIXED,
        "--pooling",
        "rank",
        LLAMAPACK_LIBRARIES=libraries,
        LLAMAPACK_MODEL=str(path),
    ) as program:
        assert program.wait() == 5
        assert "'rank'" in program.printed
