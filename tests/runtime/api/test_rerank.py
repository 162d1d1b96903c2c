"""Reranking over a fake model, whose score is the last token."""

from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from fake_embedder import FakePooled
from llamapack_runtime.engine.embed_texts import RerankForm
from runtime.api.embedding_service import MakeClient, embeds

__all__ = ["embeds"]  # a fixture

PATHS = ("/v1/rerank", "/rerank", "/v2/rerank", "/v1/reranking", "/reranking")
BODY = {"query": "q", "documents": ["a", "c", "b"]}


@pytest.mark.parametrize("path", PATHS)
def test_the_best_document_comes_first(embeds: MakeClient, path: str) -> None:
    reply = embeds("rank").post(path, json=BODY).json()
    assert reply["results"] == [
        {"index": 1, "relevance_score": 99},
        {"index": 2, "relevance_score": 98},
        {"index": 0, "relevance_score": 97},
    ]
    assert reply["object"] == "list"
    assert reply["model"] == "test-model"
    assert reply["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    assert reply["id"].startswith("rerank-")


def test_top_n_and_the_documents_themselves(embeds: MakeClient) -> None:
    body = {
        "query": "q",
        "documents": [{"text": "a"}, "c", "b"],
        "top_n": 2,
        "return_documents": True,
    }
    results = embeds("rank").post("/v1/rerank", json=body).json()["results"]
    assert [one["document"] for one in results] == [{"text": "c"}, {"text": "b"}]
    everything = BODY | {"top_n": 10}
    assert len(embeds("rank").post("/v1/rerank", json=everything).json()["results"]) == 3


def test_texts_get_the_other_shape(embeds: MakeClient) -> None:
    body = {"query": "q", "texts": ["a", "c"], "return_text": True}
    assert embeds("rank").post("/rerank", json=body).json() == [
        {"index": 1, "score": 99, "text": "c"},
        {"index": 0, "score": 97, "text": "a"},
    ]


def test_the_model_sees_its_own_form(embeds: MakeClient) -> None:
    pooled = FakePooled("rank")
    form = RerankForm(opening=(256,), middle=(257, 258), closing=(257,))
    client = embeds("rank", form=form, pooled=pooled)
    client.post("/v1/rerank", json={"query": "q", "documents": ["d"]})
    assert pooled.batches[0][0].tokens == (256, *b"q", 257, 258, *b"d", 257)


@pytest.mark.parametrize("cut", [{"max_tokens_per_doc": 3}, {"truncate_prompt_tokens": 4}])
def test_a_long_document_can_be_cut(embeds: MakeClient, cut: dict[str, int]) -> None:
    body = {"query": "q", "documents": ["d" * 100]}
    refused = embeds("rank").post("/v1/rerank", json=body)
    assert refused.json()["error"]["code"] == "context_length_exceeded"
    usage = embeds("rank").post("/v1/rerank", json=body | cut).json()["usage"]
    assert usage["prompt_tokens"] == 4


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "", "documents": ["a"]}, "query"),
        ({"query": "q"}, "documents"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": [""]}, "documents"),
        ({"query": "q", "documents": ["a"] * 2049}, "documents"),
        ({"query": "q" * 5000, "documents": ["a"] * 2000}, "documents"),
        ({"query": "q", "documents": ["a"], "texts": ["a"]}, "texts"),
        ({"query": "q", "documents": ["a"], "top_n": 0}, "top_n"),
        ({"query": "q", "texts": ["a"], "raw_scores": False}, "raw_scores"),
        ({"query": "q", "documents": ["a"], "rank_fields": ["x"]}, "rank_fields"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_requests_are_refused_by_name(
    embeds: MakeClient, body: dict[str, object], param: str
) -> None:
    reply = embeds("rank").post("/v1/rerank", json=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


def test_a_long_query_is_measured_once(embeds: MakeClient) -> None:
    client = embeds("rank")
    began_s = time.process_time()
    body = {"query": "q" * 8_000_000, "documents": ["a"] * 2048}
    reply = client.post("/v1/rerank", json=body)
    assert time.process_time() - began_s < 2.5  # once for each document: 5 s
    assert "16,384,002,048 bytes of text" in reply.json()["error"]["message"]


def test_a_model_without_a_head_does_not_rerank(embeds: MakeClient) -> None:
    reply = embeds("mean").post("/v1/rerank", json=BODY)
    assert reply.status_code == 501
    assert "reranking model" in reply.json()["error"]["message"]


def test_a_chat_model_is_not_told_to_start_in_another_way(client: TestClient) -> None:
    reply = client.post("/v1/rerank", json=BODY)
    assert reply.status_code == 501
    assert "pack a reranking model" in reply.json()["error"]["message"]
    assert "--embeddings" not in reply.text


def test_a_reranking_model_makes_no_embeddings(embeds: MakeClient) -> None:
    client = embeds("rank")
    for path in ("/v1/embeddings", "/embeddings"):
        reply = client.post(path, json={"input": "a"})
        assert reply.status_code == 501
        assert "/v1/rerank" in reply.json()["error"]["message"]
