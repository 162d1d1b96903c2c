"""What Ollama's clients ask about models."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML
from runtime.api.clients import make_client

DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "135",
    "quantization_level": "Q4_1",
}
LISTED = {
    "name": "test-model:latest",
    "model": "test-model:latest",
    "size": 1000,
    "digest": "ab" * 32,
    "details": DETAILS,
}


def without_time(body: dict[str, Any]) -> dict[str, Any]:
    modified = body.pop("modified_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", modified)
    return body


def test_the_version_is_one_of_ollamas_that_clients_take(client: TestClient) -> None:
    """Editors refuse less than 0.6.4, and read each part as a number."""
    version = client.get("/api/version").json().pop("version")
    assert tuple(map(int, version.split("."))) >= (0, 6, 4)


@pytest.mark.parametrize(
    ("mark", "thinks"),
    [("<think>", True), ("[THINK]", True), ("<|channel|>", True), ("thought", False)],
)
def test_thinking_is_a_capability_where_the_template_marks_it(
    service: Service,
    web_root: Path,
    make_session: Callable[..., Session],
    mark: str,
    thinks: bool,
) -> None:
    source = CHATML + "{# " + mark + " #}"
    service.state = Ready(make_session(template_source=source), "")
    shown = make_client(service, web_root).post("/api/show", json={}).json()
    assert ("thinking" in shown["capabilities"]) is thinks


def test_there_is_one_model(client: TestClient) -> None:
    (model,) = client.get("/api/tags").json()["models"]
    assert without_time(model) == LISTED


def test_it_is_loaded(client: TestClient) -> None:
    (model,) = client.get("/api/ps").json()["models"]
    loaded = {"expires_at": "9999-12-31T23:59:59Z", "size_vram": 0, "context_length": 512}
    assert model == LISTED | loaded


def test_none_is_loaded_while_it_loads(loading_client: TestClient) -> None:
    assert loading_client.get("/api/ps").json() == {"models": []}
    assert len(loading_client.get("/api/tags").json()["models"]) == 1


@pytest.mark.parametrize("body", [{"model": "llama3.2"}, {"name": "llama3.2"}, {}])
def test_it_is_shown_under_any_name(client: TestClient, body: dict[str, str]) -> None:
    shown = without_time(client.post("/api/show", json=body).json())
    template = shown.pop("template")
    assert "<|im_start|>" in template
    capabilities = shown.pop("capabilities")
    assert {"completion", "tools"} <= set(capabilities)
    assert "embedding" not in capabilities
    assert shown == {
        "license": "mit",
        "modelfile": "",
        "parameters": "temperature                    0.0",
        "details": DETAILS,
        "model_info": {
            "general.architecture": "llama",
            "general.basename": "Test model",
            "general.parameter_count": 135,
            "llama.context_length": 512,
        },
    }


def test_no_more_context_is_shown_than_can_be_asked_for(
    service: Service, web_root: Path, make_session: Callable[..., Session]
) -> None:
    service.state = Ready(make_session(n_ctx=128), "")
    shown = make_client(service, web_root).post("/api/show", json={}).json()
    assert shown["model_info"]["llama.context_length"] == 128


def test_it_is_shown_while_it_loads(loading_client: TestClient) -> None:
    shown = loading_client.post("/api/show", json={"model": "m"}).json()
    assert (shown["template"], shown["capabilities"]) == ("", ["completion"])


def test_what_ollamas_own_client_leaves_empty_passes(client: TestClient) -> None:
    empty = {"model": "m", "name": "", "system": "", "template": "", "options": None}
    assert client.post("/api/show", json=empty | {"verbose": False}).status_code == 200


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"verbose": True}, "verbose"),
        ({"system": "x"}, "system"),
        ({"options": {"seed": 1}}, "options"),
        ({"vrebose": False}, "vrebose"),
    ],
)
def test_a_wrong_parameter_is_named(
    client: TestClient, change: dict[str, object], name: str
) -> None:
    reply = client.post("/api/show", json={"model": "m"} | change)
    assert reply.status_code == 400
    assert f"'{name}'" in reply.json()["error"]


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
def test_a_pack_that_only_chats_makes_no_embeddings(client: TestClient, path: str) -> None:
    reply = client.post(path, json={"model": "m"})
    assert reply.status_code == 501
    assert "--embeddings" in reply.json()["error"]
