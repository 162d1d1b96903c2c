"""Ollama's embeddings over a fake embedder."""

from __future__ import annotations

import math
from typing import Any

import pytest

from runtime.api.embedding_service import MakeClient, embeds

__all__ = ["embeds"]  # a fixture

EMBED, OLDER = "/api/embed", "/api/embeddings"
MEAN = (256 + 97 + 98) / 3  # of BOS, a, b


def refusal(reply: Any) -> str:
    assert reply.status_code == 400, reply.text
    assert set(reply.json()) == {"error"}
    return str(reply.json()["error"])


def test_texts_become_normalised_vectors(embeds: MakeClient) -> None:
    reply = embeds().post(EMBED, json={"model": "all-minilm", "input": ["ab", "ab"]}).json()
    first, second = reply.pop("embeddings")
    length = math.hypot(MEAN, 1)
    assert first == second == pytest.approx([MEAN / length, 1 / length, 0, 0])
    assert reply.pop("total_duration") > 0
    assert reply == {"model": "all-minilm", "load_duration": 0, "prompt_eval_count": 6}


def test_one_text_makes_a_list_of_one(embeds: MakeClient) -> None:
    assert len(embeds().post(EMBED, json={"input": "ab"}).json()["embeddings"]) == 1


def test_the_older_route_gives_one_vector_as_the_model_does(embeds: MakeClient) -> None:
    reply = embeds().post(OLDER, json={"model": "all-minilm", "prompt": "ab"})
    assert reply.json() == {"embedding": pytest.approx([MEAN, 1, 0, 0])}


@pytest.mark.parametrize("body", [{}, {"input": ""}, {"input": []}])
def test_nothing_asks_for_the_model(embeds: MakeClient, body: dict[str, object]) -> None:
    reply = embeds().post(EMBED, json={"model": "m"} | body)
    assert reply.json() == {"model": "m", "embeddings": []}
    assert embeds().post(OLDER, json={"model": "m"}).json() == {"embedding": []}


def test_dimensions_shorten(embeds: MakeClient) -> None:
    reply = embeds().post(EMBED, json={"input": "ab", "dimensions": 2}).json()
    assert len(reply["embeddings"][0]) == 2


def test_a_long_text_is_cut_unless_that_is_unwanted(embeds: MakeClient) -> None:
    client = embeds()
    body = {"input": "a" * 10_000}
    assert client.post(EMBED, json=body).status_code == 200
    sentence = refusal(client.post(EMBED, json=body | {"truncate": False}))
    assert "'truncate'" in sentence


def test_options_of_sampling_say_nothing_here(embeds: MakeClient) -> None:
    body = {"input": "a", "options": {"temperature": 0.1}, "keep_alive": "5m"}
    assert embeds().post(EMBED, json=body).status_code == 200


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"input": 1}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 5}, "dimensions"),
        ({"truncate": "no"}, "truncate"),
        ({"keep_alive": "long"}, "keep_alive"),
        ({"options": {"num_ctx": 2**20}}, "options.num_ctx"),
        ({"inptu": "a"}, "inptu"),
    ],
)
def test_a_wrong_parameter_is_named(
    embeds: MakeClient, change: dict[str, object], name: str
) -> None:
    assert f"'{name}'" in refusal(embeds().post(EMBED, json={"input": "a"} | change))


@pytest.mark.parametrize("path", [EMBED, OLDER])
def test_a_vector_for_each_token_has_another_route(embeds: MakeClient, path: str) -> None:
    sentence = refusal(
        embeds("none").post(path, json={"input": "a"} if path == EMBED else {"prompt": "a"})
    )
    assert "/embeddings" in sentence


def test_the_model_is_shown_as_one_for_embeddings(embeds: MakeClient) -> None:
    client = embeds()
    assert client.post("/api/show", json={}).json()["capabilities"] == ["embedding"]
    (loaded,) = client.get("/api/ps").json()["models"]
    assert loaded["context_length"] > 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("/api/generate", {"prompt": "Hi"}),
    ],
)
def test_such_a_model_does_not_chat(embeds: MakeClient, path: str, body: dict[str, object]) -> None:
    reply = embeds().post(path, json=body)
    assert reply.status_code == 501
    assert isinstance(reply.json()["error"], str)
