"""What llama-server's /completion refuses here, and what passes as it is."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

REFUSED: list[tuple[dict[str, Any], int, str | None]] = [
    ({}, 400, "prompt"),
    ({"prompt": None}, 400, "prompt"),
    ({"prompt": []}, 400, "prompt"),
    ({"prompt": [[]]}, 400, "prompt"),
    ({"prompt": [["a"], []]}, 400, "prompt"),
    ({"prompt": 5}, 400, "prompt"),
    ({"prompt": [1.5]}, 400, "prompt"),
    ({"prompt": [True]}, 400, "prompt"),
    ({"prompt": [260]}, 400, "prompt"),
    ({"prompt": [-1]}, 400, "prompt"),
    ({"prompt": [2**70]}, 400, "prompt"),
    ({"prompt": ["a"] * 65}, 400, "prompt"),
    ({"prompt": {"prompt_string": 5}}, 400, "prompt.prompt_string"),
    ({"prompt": {}}, 400, "prompt.prompt_string"),
    ({"prompt": {"prompt_string": "a", "x": 1}}, 400, "prompt.x"),
    (
        {"prompt": {"prompt_string": "a", "multimodal_data": ["aGk="]}},
        501,
        "prompt.multimodal_data",
    ),
    ({"prompt": "a", "n_predict": -2}, 400, "n_predict"),
    ({"prompt": "a", "n_predict": "5"}, 400, "n_predict"),
    ({"prompt": "a", "unknown": 1}, 400, "unknown"),
    ({"prompt": "a", "lora": [{"id": 0, "scale": 1}]}, 400, "lora"),
    ({"prompt": "a", "post_sampling_probs": True}, 400, "post_sampling_probs"),
    ({"prompt": "a", "samplers": ["nothing"]}, 400, "samplers"),
    ({"prompt": "a", "samplers": "?"}, 400, "samplers"),
    ({"prompt": "a", "logit_bias": [[5]]}, 400, "logit_bias"),
    ({"prompt": "a", "logit_bias": [[5, True]]}, 400, "logit_bias"),
    ({"prompt": "a", "logit_bias": {"999": 1}}, 400, "logit_bias"),
    ({"prompt": "a", "stop": [""]}, 400, "stop"),
    ({"prompt": "a", "response_fields": "content"}, 400, "response_fields"),
    ({"prompt": ["a"] * 40, "n_cmpl": 2}, 400, "n_cmpl"),
    ({"prompt": "a", "n_cmpl": 0}, 400, "n_cmpl"),
    ({"prompt": "a", "n_probs": -1}, 400, "n_probs"),
    ({"prompt": "a", "temperature": "hot"}, 400, "temperature"),
    ({"prompt": "a", "grammar": "root ::= nothing"}, 400, "grammar"),
    ({"prompt": "a", "json_schema": {"type": "magic"}}, 400, "json_schema"),
    ({"prompt": "a", "grammar": 'root ::= "a"', "json_schema": {}}, 400, "grammar"),
    ({"prompt": "a", "slot_id": 3}, 400, "slot_id"),
    ({"prompt": "a", "tfs_z": 0.5}, 400, "tfs_z"),
    ({"prompt": "a", "grammar_triggers": [{"type": 0}]}, 400, "grammar_triggers"),
]


@pytest.mark.parametrize(("body", "status", "param"), REFUSED)
def test_what_is_refused(
    client: TestClient, body: dict[str, Any], status: int, param: str | None
) -> None:
    reply = client.post("/completion", json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error.get("param")) == (status, param), error
    assert error["code"] == status
    assert error["type"] in ("invalid_request_error", "not_supported_error")
    assert error["message"].endswith(".")


@pytest.mark.parametrize("data", [b"", b"no json", b"[]", b"5", b'{"prompt": "\xff"}', b"[" * 900])
def test_bodies_that_are_no_objects(client: TestClient, data: bytes) -> None:
    reply = client.post("/completion", content=data)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "extra",
    [
        {"cache_prompt": False, "id_slot": 0, "model": "any"},
        {"lora": [], "slot_id": -1, "image_data": [], "tfs_z": 1.0, "api_key": ""},
        {"stream": None, "n_predict": None, "stop": None, "samplers": None},
        {"t_max_prompt_ms": 500, "t_max_predict_ms": 0, "n_indent": 0},
        {"reasoning_format": "auto", "backend_sampling": True, "verbose": False},
    ],
)
def test_what_clients_send_by_habit_passes(client: TestClient, extra: dict[str, Any]) -> None:
    reply = client.post("/completion", json={"prompt": "a"} | extra)
    assert (reply.status_code, reply.json()["content"]) == (200, "Hello!")
