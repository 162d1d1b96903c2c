"""Random JSON Schemas against a real pack: an answer that ends by itself fits its schema, and a
schema that cannot be had is refused before anything is generated."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from json_schemas import Schema, is_schema, is_valid, random_schemas

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COUNT = 300
AT_ONCE = 4


def ask(client: httpx.Client, schema: Schema, seed: int) -> httpx.Response:
    named = {"name": "answer", "schema": schema, "strict": True}
    body = {
        "messages": [{"role": "user", "content": "Give an example."}],
        "response_format": {"type": "json_schema", "json_schema": named},
        "max_tokens": 64,
        "temperature": 1.0,
        "seed": seed,
    }
    return client.post("/v1/chat/completions", json=body)


def test_answers_fit_their_schemas_and_what_cannot_be_had_is_refused(pack_url: str) -> None:
    schemas = random_schemas(COUNT)
    with (
        httpx.Client(base_url=pack_url, timeout=300) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        responses = pool.map(lambda pair: ask(client, pair[1], pair[0]), enumerate(schemas))
        seen = Counter(
            check(schema, response) for schema, response in zip(schemas, responses, strict=True)
        )
    print(dict(seen))
    assert seen["fits"] >= COUNT // 5
    assert seen["refused"] >= COUNT // 5


def check(schema: Schema, response: httpx.Response) -> str:
    reply: dict[str, Any] = response.json()
    if response.status_code != 200:
        assert response.status_code == 400, (schema, reply)
        # Of a text that this model's vocabulary cannot write, only its grammar knows.
        cannot_be_written = reply["error"]["code"] == "grammar_error"
        assert cannot_be_written or reply["error"]["param"] == "response_format", (schema, reply)
        return "refused"
    choice = reply["choices"][0]
    if choice["finish_reason"] != "stop":
        assert choice["finish_reason"] == "length", (schema, reply)
        return "cut off"
    if not is_schema(schema):
        return "means nothing"
    assert is_valid(schema, json.loads(choice["message"]["content"])), (schema, choice)
    return "fits"
