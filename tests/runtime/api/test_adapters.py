"""LoRA adapters in requests of every dialect, and how strongly each acts where none is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.api.adapters import AdapterCard, AdapterRack, NamedAdapter
from llamapack_runtime.api.chats.taste import Taste
from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.service import AnswerDefaults, Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Adapters, Finished, TextDelta
from runtime.api.clients import make_client
from runtime.api.prepared import Asked, PreparedSession
from runtime.api.served import ABOUT

ACTING: Adapters = (("formal", 0.5),)
PIRATE: Adapters = (("pirate", 1.0),)
CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"prompt": "a"},
    "/v1/responses": {"input": "a"},
    "/v1/messages": {**CHAT, "max_tokens": 5},
    "/api/chat": {**CHAT, "stream": False},
    "/api/generate": {"prompt": "a", "stream": False},
    "/completion": {"prompt": "a"},
}


def make_rack() -> AdapterRack:
    return AdapterRack([AdapterCard("pirate", 0.0), AdapterCard("formal", 0.5)])


@pytest.fixture
def asked(web_root: Path) -> Asked:
    defaults = AnswerDefaults(SamplingParams(), adapters=make_rack())
    service = Service(ABOUT, defaults, lambda: None, "c0ffee" * 8)
    end = Finished("stop", 3, 0, 1, 0.1, 0.2)
    return Asked(service, web_root, PreparedSession(TextDelta("a", 1), end))


def used(asked: Asked, path: str, **more: object) -> Adapters:
    reply = asked.post(path, {**BODIES[path], **more})
    assert reply.status_code == 200, reply.text
    adapters: Adapters = asked.session.submitted[-1][0].adapters
    return adapters


@pytest.mark.parametrize("path", BODIES)
def test_a_request_names_its_adapters(asked: Asked, path: str) -> None:
    assert used(asked, path) == ACTING
    assert used(asked, path, lora=[]) == ACTING
    assert used(asked, path, lora=[{"id": 0, "scale": 1}]) == PIRATE
    both = [{"name": "pirate", "scale": -0.5}, {"id": 1, "name": "formal", "scale": 2}]
    assert used(asked, path, lora=both) == (("formal", 2.0), ("pirate", -0.5))
    assert used(asked, path, lora=[{"id": 0, "scale": 0}]) == ()


@pytest.mark.parametrize("path", BODIES)
def test_an_adapters_name_is_a_model_with_it(asked: Asked, path: str) -> None:
    assert used(asked, path, model="pirate") == PIRATE
    assert used(asked, path, model="pirate:latest") == PIRATE
    assert used(asked, path, model="test-model") == ACTING
    assert used(asked, path, model="pirate", lora=[{"id": 1, "scale": 1}]) == (("formal", 1.0),)


def test_text_generation_inference_names_one(asked: Asked) -> None:
    def used_by(**parameters: object) -> Adapters:
        reply = asked.post("/generate", {"inputs": "a", "parameters": parameters})
        assert reply.status_code == 200, reply.text
        adapters: Adapters = asked.session.submitted[-1][0].adapters
        return adapters

    assert used_by() == ACTING
    assert used_by(adapter_id="pirate") == PIRATE


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("lora", "words"),
    [
        ([{"id": 2, "scale": 1}], "names the adapter 2, but there are 'pirate' (id 0), 'formal'"),
        ([{"id": -1, "scale": 1}], "names the adapter -1, but"),
        ([{"name": "x", "scale": 1}], "names the adapter 'x', but there are 'pirate' (id 0)"),
        ([{"id": 0, "name": "formal", "scale": 1}], "names the adapter 'formal', but"),
        ([{"scale": 1}], "needs its 'id' or its 'name'"),
        ([{"id": 0}], "lora[0].scale' is missing"),
        ([{"id": 0, "scale": 101}], "lora[0].scale' is wrong"),
        ([{"id": 0, "scale": 1}] * 65, "'lora' is wrong"),
        ("pirate", "'lora' is wrong"),
    ],
)
def test_what_is_not_there_is_refused(asked: Asked, path: str, lora: object, words: str) -> None:
    reply = asked.post(path, {**BODIES[path], "lora": lora})
    assert (reply.status_code, asked.session.submitted) == (400, [])
    assert words in reply.text


def test_a_program_without_adapters_says_so() -> None:
    with pytest.raises(BadRequest, match="names the adapter 0, but this program has none"):
        AdapterRack().of_request([NamedAdapter(1.0, id=0)])
    assert AdapterRack().of_request(None, "any model") == ()


def test_the_scales_can_be_read_and_changed(asked: Asked) -> None:
    shown = asked.client.get("/lora-adapters").json()
    assert [(one["id"], one["name"], one["path"], one["scale"]) for one in shown] == [
        (0, "pirate", "pirate", 0.0),
        (1, "formal", "formal", 0.5),
    ]
    shown[0]["scale"] = 1.0
    assert asked.client.post("/lora-adapters", json=shown).json() == {"success": True}
    assert used(asked, "/completion") == (("formal", 0.5), ("pirate", 1.0))
    asked.client.post("/lora-adapters", json=[{"id": 1, "scale": 0.25}])
    assert used(asked, "/completion") == (("formal", 0.25),), "the others act no more"
    refused = asked.client.post("/lora-adapters", json=[{"id": 9, "scale": 1}])
    assert (refused.status_code, used(asked, "/completion")) == (400, (("formal", 0.25),))


def test_a_reply_lists_what_acted(asked: Asked) -> None:
    reply = asked.post("/completion", {"prompt": "a", "lora": [{"name": "pirate", "scale": 1}]})
    assert reply.json()["generation_settings"]["lora"] == [{"id": 0, "scale": 1.0}]


def test_each_adapter_is_listed_as_a_model(asked: Asked) -> None:
    models = asked.client.get("/v1/models").json()["data"]
    assert [(one["id"], one.get("parent")) for one in models] == [
        ("test-model", None),
        ("pirate", "test-model"),
        ("formal", "test-model"),
    ]
    assert asked.client.get("/v1/models/pirate").json() == models[1]
    missing = asked.client.get("/v1/models/parrot")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")


def test_the_page_knows_them(asked: Asked) -> None:
    assert asked.client.get("/llamapack/info").json()["adapters"] == [
        {"name": "pirate", "scale": 0.0},
        {"name": "formal", "scale": 0.5},
    ]


def test_a_persons_taste_replaces_single_scales() -> None:
    defaults = AnswerDefaults(SamplingParams(), adapters=make_rack())
    assert Taste().wish(defaults, 10**9).adapters == ACTING
    chosen = Taste(adapters={"pirate": 1.5, "gone": 1.0})
    assert chosen.wish(defaults, 10**9).adapters == (("formal", 0.5), ("pirate", 1.5))
    assert Taste(adapters={"formal": 0.0}).wish(defaults, 10**9).adapters == ()


def test_the_properties_say_what_acts(web_root: Path, make_session: Callable[..., Session]) -> None:
    defaults = AnswerDefaults(SamplingParams(), adapters=make_rack())
    service = Service(ABOUT, defaults, lambda: None, "c0ffee" * 8)
    service.state = Ready(make_session(), "")
    settings = make_client(service, web_root).get("/props").json()["default_generation_settings"]
    assert settings["params"]["lora"] == [{"id": 1, "scale": 0.5}]
