"""Several models behind the API: which one answers, what clients hear while it loads, and how the
dialects tell of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fake_embedder import fake_embedder
from llamapack_runtime.api.adapters import AdapterCard, AdapterRack
from llamapack_runtime.api.pool import Pool
from llamapack_runtime.api.service import Service, Unloaded
from llamapack_runtime.engine.embed_texts import RerankForm
from runtime.api.clients import make_client
from runtime.api.stockrooms import TIMEOUT_S, A, B, E, FakeStockroom, pooled, stock

QUESTION = [{"role": "user", "content": "Who are you?"}]
R = stock("R", kind="reranker")
# A dialect's route, the body of a question, and where its answer says the text.
DIALECTS: list[tuple[str, dict[str, Any], Callable[[Any], str]]] = [
    (
        "/v1/chat/completions",
        {"messages": QUESTION},
        lambda reply: reply["choices"][0]["message"]["content"],
    ),
    ("/v1/completions", {"prompt": "a"}, lambda reply: reply["choices"][0]["text"]),
    ("/v1/responses", {"input": "a"}, lambda reply: reply["output"][0]["content"][0]["text"]),
    (
        "/v1/messages",
        {"messages": QUESTION, "max_tokens": 9},
        lambda reply: reply["content"][0]["text"],
    ),
    ("/api/chat", {"messages": QUESTION, "stream": False}, lambda r: r["message"]["content"]),
    ("/api/generate", {"prompt": "a", "stream": False}, lambda reply: reply["response"]),
    ("/completion", {"prompt": "a"}, lambda reply: reply["content"]),
]
ROUTES = [route for route, _, _ in DIALECTS]


@pytest.fixture
def room() -> FakeStockroom:
    room = FakeStockroom([A, B, E])
    room.embedder = fake_embedder
    return room


@pytest.fixture
def pool(room: FakeStockroom, service: Service) -> Iterator[Pool]:
    with pooled(room) as pool:
        service.pool, service.state = pool, Unloaded()
        yield pool


@pytest.fixture
def client(service: Service, pool: Pool, web_root: Path) -> TestClient:
    assert service.pool is pool
    return make_client(service, web_root, keep_alive_s=0.02)


@pytest.mark.parametrize(("route", "body", "text_of"), DIALECTS, ids=ROUTES)
def test_the_model_that_is_named_answers(
    client: TestClient,
    pool: Pool,
    route: str,
    body: dict[str, Any],
    text_of: Callable[[Any], str],
) -> None:
    for name, answers in (("B", "B"), ("A", "A"), (None, "A"), ("B:latest", "B")):
        reply = client.post(route, json=body | ({"model": name} if name else {}))
        assert reply.status_code == 200
        assert text_of(reply.json()) == answers
    assert not pool.is_lent


@pytest.mark.parametrize(("route", "body", "_"), DIALECTS, ids=ROUTES)
def test_an_unknown_name_is_refused_with_those_there_are(
    client: TestClient, room: FakeStockroom, route: str, body: dict[str, Any], _: object
) -> None:
    reply = client.post(route, json=body | {"model": "gpt-4"})
    assert reply.status_code == 404
    assert "'gpt-4'; this program serves 'A', 'B' and 'E'" in reply.text
    assert room.loaded == ["A"]


def test_two_at_once_get_their_own(client: TestClient) -> None:
    def ask(name: str) -> str:
        body = {"messages": QUESTION, "model": name}
        text = client.post("/v1/chat/completions", json=body).json()
        return str(text["choices"][0]["message"]["content"])

    names = ["A", "B"] * 10
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, names)) == names


@pytest.mark.parametrize(
    ("route", "body", "shape"),
    [
        ("/v1/chat/completions", {"messages": QUESTION}, lambda one: one["error"]["message"]),
        ("/v1/messages", {"messages": QUESTION, "max_tokens": 9}, lambda e: e["error"]["message"]),
        ("/api/chat", {"messages": QUESTION}, lambda one: one["error"]),
        ("/completion", {"prompt": "a"}, lambda one: one["error"]["message"]),
    ],
)
def test_a_model_that_cannot_be_loaded_is_a_503_in_the_dialects_shape(
    client: TestClient,
    room: FakeStockroom,
    route: str,
    body: dict[str, Any],
    shape: Callable[[Any], str],
) -> None:
    room.failures.append("Model needs 9.1 GiB but 6.0 GiB is free; close other programs.")
    reply = client.post(route, json=body | {"model": "B"})
    assert reply.status_code == 503
    assert "9.1 GiB but 6.0 GiB" in shape(reply.json())
    assert client.post(route, json=body | {"model": "B", "stream": False}).status_code == 200


def lines_while_loading(client: TestClient, room: FakeStockroom, route: str, body: Any) -> str:
    """All that a stream says whose model takes its time to load."""
    room.loading.clear()
    room.gate.clear()
    timer = threading.Timer(0.2, room.gate.set)
    timer.start()
    try:
        reply = client.post(route, json=body | {"model": "B", "stream": True})
    finally:
        timer.join(TIMEOUT_S)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    return reply.text


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/chat/completions", {"messages": QUESTION}),
        ("/v1/completions", {"prompt": "a"}),
        ("/v1/responses", {"input": "a"}),
        ("/v1/messages", {"messages": QUESTION, "max_tokens": 9}),
        ("/completion", {"prompt": "a"}),
    ],
)
def test_a_stream_is_kept_alive_while_its_model_loads(
    client: TestClient, room: FakeStockroom, route: str, body: dict[str, Any]
) -> None:
    said = lines_while_loading(client, room, route, body)
    assert said.startswith(": keep-alive\n\n")
    assert '"B"' in said.replace('"model":"B"', "")


@pytest.mark.parametrize(
    ("route", "body", "begins"),
    [
        ("/v1/chat/completions", {"messages": QUESTION}, 'data: {"error":{'),
        ("/v1/responses", {"input": "a"}, 'event: error\ndata: {"message":'),
        (
            "/v1/messages",
            {"messages": QUESTION, "max_tokens": 9},
            'event: error\ndata: {"type":"error"',
        ),
    ],
)
def test_a_failure_after_that_is_an_event(
    client: TestClient, room: FakeStockroom, route: str, body: dict[str, Any], begins: str
) -> None:
    room.failures.append("The file is damaged.")
    *_, last = lines_while_loading(client, room, route, body).split(": keep-alive\n\n")
    assert last.startswith(begins)
    assert "The file is damaged." in last


def test_what_its_route_refuses_after_that_is_an_event_too(
    client: TestClient, room: FakeStockroom
) -> None:
    body = {"messages": QUESTION, "temperature": "hot"}
    said = lines_while_loading(client, room, "/v1/chat/completions", body)
    event = json.loads(said.split("data: ")[1])
    assert event["error"]["param"] == "temperature"


@pytest.mark.parametrize("name", [None, "E", "A"])
def test_embeddings_come_from_the_model_that_makes_them(
    client: TestClient, room: FakeStockroom, name: str | None
) -> None:
    body = {"input": "a"} | ({"model": name} if name else {})
    reply = client.post("/v1/embeddings", json=body)
    assert (reply.status_code, reply.json()["model"]) == (200, "E")
    assert client.post("/api/embed", json=body).status_code == 200
    assert room.loaded == ["A", "E"]


def test_what_a_model_does_not_do_is_said_before_it_is_loaded(
    client: TestClient, room: FakeStockroom
) -> None:
    reply = client.post("/v1/chat/completions", json={"messages": QUESTION, "model": "E"})
    assert reply.status_code == 501
    assert "'E' makes embeddings and does not chat; 'A' and 'B' can." in reply.text
    assert room.loaded == ["A"]


def test_a_reranker_scores_documents(service: Service, web_root: Path) -> None:
    room = FakeStockroom([A, R])
    room.embedder = lambda: fake_embedder("rank", form=RerankForm(opening=(1,)))
    with pooled(room) as pool:
        service.pool = pool
        client = make_client(service, web_root)
        reply = client.post("/v1/rerank", json={"query": "a", "documents": ["b", "c"]})
        assert (reply.status_code, reply.json()["model"]) == (200, "R")
        refused = client.post("/v1/embeddings", json={"input": "a", "model": "R"})
        assert refused.status_code == 501


def test_all_are_listed_with_how_they_are(client: TestClient) -> None:
    listed = client.get("/v1/models").json()["data"]
    assert {one["id"]: one["status"]["value"] for one in listed} == {
        "A": "loaded",
        "B": "unloaded",
        "E": "unloaded",
    }
    assert client.get("/v1/models/B").json()["id"] == "B"
    assert client.get("/v1/models/X").status_code == 404
    info = client.get("/llamapack/info").json()
    assert [(one["id"], one["kind"]) for one in info["models"]] == [
        ("A", "chat"),
        ("B", "chat"),
        ("E", "embedding"),
    ]


def test_each_is_listed_with_its_own_adapters(service: Service, web_root: Path) -> None:
    pirate = AdapterRack([AdapterCard("pirate", 0.5)])
    with pooled(FakeStockroom([A, replace(B, adapters=pirate)])) as service.pool:
        client = make_client(service, web_root)
        models = client.get("/llamapack/info").json()["models"]
        assert [one["adapters"] for one in models] == [[], [{"name": "pirate", "scale": 0.5}]]
        listed = client.get("/lora-adapters?model=B")
        assert (listed.status_code, client.get("/lora-adapters").json()) == (503, [])
        assert client.post("/tokenize", json={"content": "a", "model": "pirate"}).is_success
        assert client.get("/lora-adapters?model=B").json()[0]["name"] == "pirate"
        assert client.get("/props?model=B").json()["model_alias"] == "B"


NATIVE: list[tuple[str, dict[str, Any]]] = [
    ("/tokenize", {"content": "a"}),
    ("/detokenize", {"tokens": [1]}),
    ("/apply-template", {"messages": QUESTION}),
    ("/v1/chat/completions/input_tokens", {"messages": QUESTION}),
    ("/v1/messages/count_tokens", {"messages": QUESTION}),
    ("/infill", {"input_prefix": "a", "input_suffix": "b"}),
]


@pytest.mark.parametrize(("route", "body"), NATIVE, ids=[route for route, _ in NATIVE])
def test_routes_without_an_answer_choose_by_it_too(
    client: TestClient, room: FakeStockroom, route: str, body: dict[str, Any]
) -> None:
    refused = client.post(route, json=body | {"model": "gpt-4"})
    assert refused.status_code == 404
    assert "'gpt-4'; this program serves 'A', 'B' and 'E'" in refused.text
    assert room.loaded == ["A"]
    reply = client.post(route, json=body | {"model": "B"})
    assert reply.status_code == (501 if route == "/infill" else 200)  # no tokens for a gap
    assert room.loaded == ["A", "B"]


def test_ollama_lists_all_and_what_is_loaded(client: TestClient) -> None:
    assert [one["name"] for one in client.get("/api/tags").json()["models"]] == [
        "A:latest",
        "B:latest",
        "E:latest",
    ]
    ask = {"messages": QUESTION, "stream": False, "model": "B"}
    client.post("/api/chat", json=ask | {"keep_alive": "10m"})
    loaded = {one["name"]: one["expires_at"] for one in client.get("/api/ps").json()["models"]}
    assert set(loaded) == {"A:latest", "B:latest"}
    assert loaded["A:latest"].startswith("9999")
    assert loaded["B:latest"] < "2200"


def test_ollama_shows_one_by_its_name(client: TestClient) -> None:
    assert client.post("/api/show", json={"model": "E"}).json()["capabilities"] == ["embedding"]
    assert "completion" in client.post("/api/show", json={"model": "A"}).json()["capabilities"]
    assert client.post("/api/show", json={"model": "X"}).status_code == 404


@pytest.mark.parametrize("route", ["/api/chat", "/api/generate"])
def test_ollama_loads_and_unloads(
    client: TestClient, room: FakeStockroom, pool: Pool, route: str
) -> None:
    assert client.post(route, json={"model": "B"}).json()["done_reason"] == "load"
    assert room.loaded == ["A", "B"]
    for _ in range(2):  # the second time, it is not loaded for that
        reply = client.post(route, json={"model": "B", "keep_alive": 0})
        assert reply.json()["done_reason"] == "unload"
        with pool._changed:
            assert pool._changed.wait_for(lambda: room.loaded == ["A"], TIMEOUT_S)
    assert room.log == ["load A", "load B", "unload B"]


def test_nothing_is_loaded_to_tell_of_it(client: TestClient, room: FakeStockroom) -> None:
    assert client.get("/props").json()["model_alias"] == "A"
    assert client.get("/props?model=B").status_code == 503
    assert client.get("/slots").status_code == 200
    assert room.loaded == ["A"]


def test_a_body_that_is_none_is_its_routes_to_refuse(client: TestClient) -> None:
    for data in (b"", b"[1]", b"{", b'{"model": 7}'):
        headers = {"content-type": "application/json"}
        reply = client.post("/v1/chat/completions", content=data, headers=headers)
        assert reply.status_code == 400


def test_the_program_is_healthy_while_its_first_model_is_unloaded(client: TestClient) -> None:
    assert client.get("/health").status_code == 200
    assert client.get("/llamapack/info").json()["state"] == "ready"
