"""llama-server's routes beside the answers: tokens, templates, infill, properties, slots."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fakes import FakeModel
from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.template import CHATML
from llamapack_runtime.engine.infill_tokens import InfillTokens
from llamapack_runtime.engine.types import EngineStats
from runtime.api.clients import client_of
from runtime.api.llamacpp_keys import DEFAULT_SETTINGS, KEYS
from runtime.api.scripted import ScriptedSession

HI = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"content": "ab"}, [97, 98]),
        ({"content": "a", "add_special": True}, [256, 97]),
        ({"content": "<|end|>"}, [257]),
        ({"content": "<|", "parse_special": False}, [60, 124]),
        ({"content": ["a", 98, "c"]}, [97, 98, 99]),
        ({"content": ""}, []),
        ({}, []),
        (
            {"content": "é<|end|>", "with_pieces": True},
            [
                {"id": 195, "piece": [195]},
                {"id": 169, "piece": [169]},
                {"id": 257, "piece": "<|end|>"},
            ],
        ),
    ],
)
def test_tokenize(client: TestClient, body: dict[str, Any], tokens: list[Any]) -> None:
    assert client.post("/tokenize", json=body).json() == {"tokens": tokens}


@pytest.mark.parametrize(
    ("tokens", "content"),
    [([72, 105], "Hi"), ([256, 195, 169, 257], "<|begin|>é<|end|>"), ([195], "\ufffd"), ([], "")],
)
def test_detokenize(client: TestClient, tokens: list[int], content: str) -> None:
    assert client.post("/detokenize", json={"tokens": tokens}).json() == {"content": content}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {"content": 5}, "content"),
        ("/tokenize", {"content": [1.5]}, "content"),
        ("/tokenize", {"content": "a", "with_pieces": "yes"}, "with_pieces"),
        ("/tokenize", {"text": "a"}, "text"),
        ("/detokenize", {"tokens": [260]}, "tokens"),
        ("/detokenize", {"tokens": ["a"]}, "tokens[0]"),
        ("/detokenize", {"tokens": [-1]}, "tokens[0]"),
        ("/apply-template", {}, "messages"),
        ("/apply-template", {"messages": []}, "messages"),
        ("/apply-template", {"messages": HI, "nothing": 1}, "nothing"),
        ("/infill", {"input_suffix": ""}, "input_prefix"),
        ("/infill", {"input_prefix": ""}, "input_suffix"),
        ("/infill", {"input_prefix": "", "input_suffix": "", "prompt": 5}, "prompt"),
        ("/infill", {"input_prefix": "", "input_suffix": "", "input_extra": {}}, "input_extra"),
        (
            "/infill",
            {"input_prefix": "", "input_suffix": "", "input_extra": [{"filename": "a"}]},
            "input_extra[0].text",
        ),
    ],
)
def test_what_is_refused(client: TestClient, path: str, body: dict[str, Any], param: str) -> None:
    reply = client.post(path, json=body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["code"], error["type"]) == (400, "invalid_request_error")
    assert error["param"] == param


def test_apply_template(client: TestClient) -> None:
    body = {"messages": HI, "temperature": 0.5, "model": "any"}
    prompt = "<|begin|><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    got = client.post("/apply-template", json=body).json()
    assert [*got] == ["prompt"]
    assert got["prompt"] == prompt.removeprefix("<|begin|>")


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_chat_without_a_version_and_its_count(client: TestClient, prefix: str) -> None:
    path = f"{prefix}/chat/completions"
    usage = client.post(path, json={"messages": HI}).json()["usage"]
    got = client.post(f"{path}/input_tokens", json={"messages": HI}).json()
    assert got == {"object": "response.input_tokens", "input_tokens": usage["prompt_tokens"]}


@pytest.fixture
def filling(
    service: Service, web_root: Path, make_session: Callable[..., Session]
) -> tuple[TestClient, FakeModel]:
    """A model that fills gaps: with bytes that have no meaning in text as its marks."""
    session = make_session("middle")
    model = session.vocabulary
    assert isinstance(model, FakeModel)
    model.infill_tokens = InfillTokens(prefix=1, suffix=2, middle=3)
    return client_of(service, web_root, session), model


def test_infill(filling: tuple[TestClient, FakeModel]) -> None:
    client, _ = filling
    body = {
        "input_prefix": "def f(",
        "input_suffix": "return",
        "prompt": "x",
        "input_extra": [{"text": "A", "filename": "a.py", "time": 5}],
        "n_predict": 100,
        "n_indent": 4,
        "t_max_predict_ms": 10_000,
        "t_max_prompt_ms": 500,
        "id_slot": 0,
        "cache_prompt": True,
    }
    got = client.post("/infill", json=body).json()
    assert [*got] == KEYS
    assert (got["content"], got["stop_type"]) == ("middle", "eos")
    assert got["prompt"] == "\n\n--- snip ---\n\nA\x01def f(x\x02return\x03"
    reply = client.post("/infill", json=body | {"stream": True})
    assert json.loads(reply.text.split("data: ")[-1])["stop"] is True


def test_infill_by_a_model_that_cannot(client: TestClient) -> None:
    reply = client.post("/infill", json={"input_prefix": "a", "input_suffix": "b"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["type"]) == (501, 501, "not_supported_error")
    assert "no token for prefix and suffix and middle" in error["message"]


def test_props(client: TestClient) -> None:
    got = client.get("/props").json()
    defaults = got.pop("default_generation_settings")
    assert [*defaults] == ["params", "n_ctx"]
    assert [*defaults["params"]] == DEFAULT_SETTINGS
    assert (defaults["n_ctx"], defaults["params"]["temperature"]) == (512, 0.0)
    capabilities = got.pop("chat_template_caps")
    assert {name for name, has in capabilities.items() if has} == {
        "supports_string_content",
        "supports_system_role",
    }
    assert got == {
        "total_slots": 4,
        "model_alias": "test-model",
        "model_ftype": "Q4_1",
        "model_path": "Test model",
        "modalities": {"vision": False, "video": False, "audio": False},
        "media_marker": "",
        "draft_model": None,
        "gpu": {
            "code": "software",
            "device": "llvmpipe",
            "times": 0.0,
            "layers": 0,
            "of_layers": 0,
            "reason": "No graphics card is used.",
        },
        "endpoint_slots": True,
        "endpoint_props": False,
        "endpoint_metrics": True,
        "ui": True,
        "ui_settings": {},
        "chat_template": CHATML,
        "bos_token": "<|begin|>",
        "eos_token": "<|end|>",
        "build_info": "llamapack-1.2.3",
        "is_sleeping": False,
        "cors_proxy_enabled": False,
    }


def test_slots(client: TestClient) -> None:
    got = client.get("/slots").json()
    assert [slot["id"] for slot in got] == [0, 1, 2, 3]
    assert got[0] == {"id": 0, "n_ctx": 512, "speculative": False, "is_processing": False}
    assert client.get("/slots?fail_on_no_slot=1").status_code == 200


class Busy(ScriptedSession):
    n_ctx = 512

    def stats(self) -> EngineStats:
        return EngineStats(slots=2, busy=self.busy, draft_tokens=1)

    def __init__(self, busy: int) -> None:
        super().__init__()
        self.busy = busy


@pytest.mark.parametrize(("busy", "status"), [(1, 200), (2, 503)])
def test_slots_that_are_busy(service: Service, web_root: Path, busy: int, status: int) -> None:
    client = client_of(service, web_root, Busy(busy))
    slots = client.get("/slots").json()
    assert [slot["is_processing"] for slot in slots] == [True, busy == 2]
    assert slots[0]["speculative"] is True
    reply = client.get("/slots?fail_on_no_slot=1")
    assert reply.status_code == status
    if status == 503:
        assert reply.json()["error"]["type"] == "unavailable_error"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/props", 501),
        ("POST", "/slots/0?action=erase", 501),
        ("POST", "/slots/0?action=save", 501),
        ("POST", "/slots/x", 501),
        ("DELETE", "/slots", 405),
        ("GET", "/completion", 405),
    ],
)
def test_what_cannot_be_done(client: TestClient, method: str, path: str, status: int) -> None:
    reply = client.request(method, path, json={"filename": "a.bin"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, status)
    assert reply.json()["error"]["message"].endswith(".")


def test_no_lora_adapters(client: TestClient) -> None:
    assert client.get("/lora-adapters").json() == []
    reply = client.post("/lora-adapters", content=b"[]")
    assert (reply.status_code, reply.json()) == (200, {"success": True})


@pytest.mark.parametrize("data", [b'[{"id": 0, "scale": 1.0}]', b"{}", b"no", b"", b"[" * 5000])
def test_lora_adapters_that_are_not_there(client: TestClient, data: bytes) -> None:
    reply = client.post("/lora-adapters", content=data)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/completion"),
        ("POST", "/tokenize"),
        ("GET", "/props"),
        ("GET", "/slots"),
        ("GET", "/lora-adapters"),
    ],
)
def test_while_the_model_loads(loading_client: TestClient, method: str, path: str) -> None:
    reply = loading_client.request(method, path, json={"prompt": "a"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["type"]) == (503, 503, "unavailable_error")
    assert reply.headers["retry-after"] == "1"
