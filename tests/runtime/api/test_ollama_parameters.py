"""What Ollama's parameters become, and how wrong ones are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.body import MAX_BODY_BYTES
from llamapack_runtime.api.service import Service
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Finished, Request
from runtime.api.prepared import Asked, PreparedSession

CHAT, GENERATE = "/api/chat", "/api/generate"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
PROMPT: dict[str, Any] = {"model": "m", "prompt": "Hi"}
END = Finished("stop", 3, 0, 0, 0.5, 0.25)
CALL = {"function": {"name": "f", "arguments": {}}}


@pytest.fixture
def asked(service: Service, web_root: Path) -> Asked:
    return Asked(service, web_root, PreparedSession(END))


def submitted(asked: Asked, body: dict[str, Any], path: str = CHAT) -> Request:
    reply = asked.post(path, body)
    assert reply.status_code == 200, reply.text
    return asked.session.submitted[-1][0]


def refusal(reply: Any, status: int = 400) -> str:
    """Ollama's shape, with a whole sentence."""
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"error"}
    sentence = reply.json()["error"]
    assert isinstance(sentence, str)
    assert sentence.endswith(".")
    return sentence


def test_sampling_reaches_the_engine(asked: Asked) -> None:
    wanted = {
        "temperature": 0.5,
        "top_k": 7,
        "top_p": 0.9,
        "min_p": 0.1,
        "typical_p": 0.7,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "repeat_penalty": 1.1,
        "repeat_last_n": 32,
        "mirostat": 2,
        "mirostat_tau": 0.8,
        "mirostat_eta": 0.6,
    }
    request = submitted(asked, HELLO | {"options": wanted | {"seed": 42}})
    assert request.sampling == SamplingParams(**wanted, seed=42)  # type: ignore[arg-type]


def test_the_packs_defaults_fill_in(asked: Asked) -> None:
    assert submitted(asked, HELLO).sampling == SamplingParams(temperature=0.0)


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({"num_predict": 5}, "max_tokens", 5),
        ({"num_predict": 0}, "max_tokens", None),
        ({"num_predict": -1}, "max_tokens", None),
        ({"num_predict": -2}, "max_tokens", None),
        ({"num_keep": 4}, "n_keep", 4),
        ({"stop": "x"}, "stop", ("x",)),
        ({"stop": ["x", "yz"]}, "stop", ("x", "yz")),
    ],
)
def test_an_option_reaches_the_engine(
    asked: Asked, options: dict[str, Any], name: str, value: object
) -> None:
    assert getattr(submitted(asked, HELLO | {"options": options}), name) == value


def test_minus_one_looks_back_on_everything(asked: Asked) -> None:
    request = submitted(asked, HELLO | {"options": {"repeat_last_n": -1}})
    assert request.sampling.repeat_last_n == PreparedSession.n_ctx


@pytest.mark.parametrize(
    "options",
    [
        {"numa": False, "num_batch": 2, "num_gpu": 1, "main_gpu": 0, "low_vram": True},
        {"num_gpu": -1, "f16_kv": True, "use_mmap": False, "use_mlock": True, "num_thread": 8},
        {"vocab_only": False, "embedding_only": False, "logits_all": False, "tfs_z": 1},
        {"penalize_newline": True},
        {"num_ctx": 512},
        dict.fromkeys(("num_ctx", "tfs_z", "mirostat", "stop", "num_gpu", "seed")),
        None,
    ],
)
def test_what_changes_nothing_about_the_answer_passes(asked: Asked, options: object) -> None:
    assert submitted(asked, HELLO | {"options": options}) is not None


@pytest.mark.parametrize("keep_alive", ["5m", "1h30m", "-1s", "1.5h", "0", 0, 300, -1, 0.5, None])
def test_any_duration_keeps_the_model(asked: Asked, keep_alive: object) -> None:
    assert submitted(asked, HELLO | {"keep_alive": keep_alive}) is not None


@pytest.mark.parametrize("format_", ["", None])
def test_no_format_is_none(asked: Asked, format_: object) -> None:
    submitted(asked, HELLO | {"format": format_})
    assert asked.session.chats[0].format is None


def test_what_ollamas_own_client_leaves_empty_passes(asked: Asked) -> None:
    empty: dict[str, Any] = {
        "suffix": "",
        "system": "",
        "template": "",
        "options": None,
        "images": [],
    }
    assert submitted(asked, PROMPT | empty, GENERATE) is not None


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"temprature": 1}, "temprature"),
        ({"options": {"temprature": 1}}, "options.temprature"),
        ({"options": {"temperature": "hot"}}, "options.temperature"),
        ({"options": {"temperature": -1}}, "options.temperature"),
        ({"options": {"top_p": 1.1}}, "options.top_p"),
        ({"options": {"mirostat": 3}}, "options.mirostat"),
        ({"options": {"num_predict": 1.5}}, "options.num_predict"),
        ({"options": {"num_predict": -3}}, "options.num_predict"),
        ({"options": {"repeat_last_n": 2**40}}, "options.repeat_last_n"),
        ({"options": {"seed": 2**70}}, "options.seed"),
        ({"options": {"stop": ""}}, "options.stop"),
        ({"options": {"stop": ["x"] * 17}}, "options.stop"),
        ({"options": {"stop": [1]}}, "options.stop[0]"),
        ({"options": {"tfs_z": 0.5}}, "options.tfs_z"),
        ({"options": {"penalize_newline": False}}, "options.penalize_newline"),
        ({"options": {"vocab_only": True}}, "options.vocab_only"),
        ({"options": {"num_gqa": 8}}, "options.num_gqa"),
        ({"options": {"num_thread": "all"}}, "options.num_thread"),
        ({"options": []}, "options"),
        ({"keep_alive": "forever"}, "keep_alive"),
        ({"keep_alive": "5 m"}, "keep_alive"),
        ({"keep_alive": []}, "keep_alive"),
        ({"format": "xml"}, "format"),
        ({"format": 1}, "format"),
        ({"think": "very"}, "think"),
        ({"think": 1}, "think"),
        ({"truncate": True}, "truncate"),
        ({"shift": True}, "shift"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 1}, "logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"model": 1}, "model"),
    ],
)
@pytest.mark.parametrize("path", [CHAT, GENERATE])
def test_a_wrong_parameter_is_named(
    asked: Asked, path: str, change: dict[str, Any], name: str
) -> None:
    body = HELLO if path == CHAT else PROMPT
    assert f"'{name}'" in refusal(asked.post(path, body | change))
    assert not asked.session.submitted


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "tool_calls": [CALL]}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "user", "thinking": "x"}]}, "messages[0].thinking"),
        ({"messages": [{"role": "user", "tool_name": "x"}]}, "messages[0].tool_name"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
                    }
                ]
            },
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"tools": [{"type": "code"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"function": {"name": ""}}]}, "tools[0].function.name"),
        ({"tools": {}}, "tools"),
    ],
)
def test_a_wrong_part_of_a_chat_is_named(asked: Asked, change: dict[str, Any], name: str) -> None:
    assert f"'{name}'" in refusal(asked.post(CHAT, HELLO | change))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"template": "{{ .Prompt }}"}, "template"),
        ({"context": [-1]}, "context[0]"),
        ({"context": ["a"]}, "context[0]"),
        ({"prompt": 1}, "prompt"),
        ({"raw": True, "system": "x"}, "system"),
        ({"raw": True, "context": [1]}, "context"),
        ({"raw": True, "format": "json"}, "format"),
        ({"raw": True, "suffix": "x"}, "suffix"),
        ({"suffix": "x", "think": True}, "think"),
        ({"width": 512}, "width"),
    ],
)
def test_a_wrong_part_of_a_generation_is_named(
    asked: Asked, change: dict[str, Any], name: str
) -> None:
    assert f"'{name}'" in refusal(asked.post(GENERATE, PROMPT | change))


def test_a_context_that_is_too_long_is_told_with_both_values(asked: Asked) -> None:
    sentence = refusal(asked.post(CHAT, HELLO | {"options": {"num_ctx": 8192}}))
    assert "8192" in sentence
    assert str(PreparedSession.n_ctx) in sentence


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "What?", "images": ["AAAA"]}]}),
        (GENERATE, PROMPT | {"images": ["AAAA"]}),
    ],
)
def test_images_are_not_there(asked: Asked, path: str, body: dict[str, Any]) -> None:
    assert "images" in refusal(asked.post(path, body), 501)


def test_a_gap_needs_a_model_that_fills_it(asked: Asked) -> None:
    asked.session.vocabulary.infill_tokens = type(asked.session.vocabulary.infill_tokens)()  # type: ignore[misc]
    assert "gap" in refusal(asked.post(GENERATE, PROMPT | {"suffix": "x"}), 501)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("POST", "/api/push"),
        ("POST", "/api/create"),
        ("POST", "/api/copy"),
        ("DELETE", "/api/delete"),
        ("POST", "/api/blobs/sha256:00"),
    ],
)
def test_what_a_pack_does_not_do_says_so(client: TestClient, method: str, path: str) -> None:
    sentence = refusal(client.request(method, path, json={"model": "m"}), 501)
    assert path.split("/")[2] in sentence


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", CHAT, 405), ("POST", "/api/tags", 405), ("POST", "/api/nothing", 404)],
)
def test_what_the_router_refuses_has_the_same_shape(
    client: TestClient, method: str, path: str, status: int
) -> None:
    refusal(client.request(method, path, json={}), status)


@pytest.mark.parametrize("path", [CHAT, GENERATE, "/api/show", "/api/embed"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000])
def test_a_body_that_is_no_object_is_refused(client: TestClient, path: str, body: bytes) -> None:
    refusal(client.post(path, content=body))


def test_a_body_that_is_too_long_is_refused_while_it_arrives(client: TestClient) -> None:
    pieces = (b" " * (1 << 20) for _ in range((MAX_BODY_BYTES >> 20) + 1))
    refusal(client.post(CHAT, content=pieces), 413)


@pytest.mark.parametrize("path", [CHAT, GENERATE])
def test_while_the_model_loads(loading_client: TestClient, path: str) -> None:
    reply = loading_client.post(path, json=HELLO if path == CHAT else PROMPT)
    refusal(reply, 503)
    assert reply.headers["retry-after"] == "1"


def test_a_prompt_beyond_the_context_is_a_plain_error(client: TestClient) -> None:
    refusal(client.post(CHAT, json={"messages": [{"role": "user", "content": "x" * 600}]}))
