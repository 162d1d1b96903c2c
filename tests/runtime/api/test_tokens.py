"""Tokens that the model does not have are refused in every dialect, by the parameter's name."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

TEXT = {"prompt": "x"}
CHAT = {"messages": [{"role": "user", "content": "x"}]}
ANSWERS = [
    ("/completion", TEXT),
    ("/v1/completions", TEXT),
    ("/v1/chat/completions", CHAT),
    ("/v1/responses", {"input": "x"}),
]


@pytest.mark.parametrize(("path", "body"), ANSWERS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"logit_bias": {"2000000000": 1}},
        {"logit_bias": [[2000000000, False]]},
        {"stop_token_ids": [5, 2000000000]},
    ],
)
def test_an_answer_names_no_token_out_of_the_vocabulary(
    client: TestClient, path: str, body: dict[str, Any], wrong: dict[str, Any]
) -> None:
    reply = client.post(path, json=body | wrong)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == next(iter(wrong))


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {"content": [5, 2000000000]}, "content"),
        ("/tokenize", {"content": ["x", -5]}, "content"),
        ("/detokenize", {"tokens": [2000000000]}, "tokens"),
        ("/completion", {"prompt": [5, 2000000000]}, "prompt"),
        ("/v1/completions", {"prompt": [5, 2000000000]}, "prompt"),
        ("/v1/completions", {"prompt": [[5], [-5]]}, "prompt"),
        ("/completion", {"prompt": ["x"] * 65}, "prompt"),
        ("/v1/completions", {"prompt": ["x"] * 65}, "prompt"),
    ],
)
def test_a_wrong_token_is_told_with_the_name_of_its_field(
    client: TestClient, path: str, body: dict[str, Any], param: str
) -> None:
    error = client.post(path, json=body).json()["error"]
    assert error["param"] == param
    assert f"'{param}'" in error["message"]


@pytest.mark.parametrize(("path", "body"), ANSWERS)
def test_an_answer_is_not_to_be_longer_than_it_may_be(
    client: TestClient, path: str, body: dict[str, Any]
) -> None:
    reply = client.post(path, json=body | {"min_tokens": 6, "max_tokens": 5})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == "min_tokens"
    assert client.post(path, json=body | {"min_tokens": 5, "max_tokens": 5}).status_code == 200


@pytest.mark.parametrize(("path", "body"), ANSWERS)
def test_a_bias_may_be_of_a_text(client: TestClient, path: str, body: dict[str, Any]) -> None:
    assert client.post(path, json=body | {"logit_bias": {"ab": 1}}).status_code == 200
