"""Embeddings by OpenAI's and Ollama's packages, and by LangChain's parts for both."""

from __future__ import annotations

# The packages are only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found"
import math
from collections.abc import Sequence

import ollama
import openai
import pytest
from langchain_ollama import OllamaEmbeddings
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

TEXTS = ["The capital of France", "Paris", "The capital of France"]
Vectors = Sequence[Sequence[float]]


def _check(vectors: Vectors) -> None:
    """One for each text, of length 1, and the same for the same text."""
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1, 1, 1], abs=1e-3)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-3)
    assert vectors[0] != pytest.approx(vectors[1], abs=1e-2)


def test_openai_takes_base64_and_numbers(url: str, key: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        packed = client.embeddings.create(model="any", input=TEXTS)
        _check([one.embedding for one in packed.data])
        assert packed.usage.prompt_tokens > 3
        plain = client.embeddings.create(model="any", input=TEXTS[0], encoding_format="float")
        assert plain.data[0].embedding == pytest.approx(packed.data[0].embedding, abs=1e-3)
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model="any", input=[])
        assert caught.value.param == "input"


def test_ollama(url: str, key: str) -> None:
    with ollama.Client(url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        _check(client.embed("any", TEXTS).embeddings)
        assert client.embeddings("any", TEXTS[0]).embedding


def test_langchain_with_openai(url: str, key: str) -> None:
    """Without counting tokens beforehand: for that it fetches the tokenizer of OpenAI's models."""
    embeddings = OpenAIEmbeddings(
        model="any",
        base_url=f"{url}/v1",
        api_key=SecretStr(key),
        check_embedding_ctx_length=False,
        max_retries=0,
    )
    _check(embeddings.embed_documents(TEXTS))
    assert embeddings.embed_query(TEXTS[0])


def test_langchain_with_ollama(url: str, key: str) -> None:
    headers = {"headers": {"Authorization": f"Bearer {key}"}}
    _check(
        OllamaEmbeddings(model="any", base_url=url, client_kwargs=headers).embed_documents(TEXTS)
    )
