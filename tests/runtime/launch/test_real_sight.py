"""The whole program with a model that sees: images through the API, while others are answered."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import needs
from make_gguf import make_gguf
from make_mmproj import N_TOKENS, Kind, make_mmproj, png, png_of
from runtime.launch.processes import Home, Running, run, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    needs.LIBRARIES,
]
FIXED = ("--no-browser", "--threads", "1")
HOSTILE = (
    b"",
    b"not an image",
    png(60, 60)[:100],
    png_of(8000, 8000, b""),
    png_of(4000, 4000, b"x"),
    b"\xff\xd8\xff" + bytes(1000),
)
MIB = 1 << 20


@pytest.fixture
def variables() -> dict[str, str]:
    return {"LLAMAPACK_LIBRARIES": os.environ["LLAMAPACK_TEST_LIBRARIES"]}


@pytest.fixture
def program(
    request: pytest.FixtureRequest,
    home: Home,
    free_port: int,
    tmp_path: Path,
    variables: dict[str, str],
) -> Iterator[Running]:
    kind: Kind = getattr(request, "param", "mlp")
    architecture = "qwen2vl" if kind == "qwen2vl_merger" else "llama"
    model = make_gguf(tmp_path / "m.gguf", architecture=architecture, n_layers=2, n_ctx=1024)
    eyes = make_mmproj(tmp_path / "eyes.gguf", kind=kind)
    arguments = ("--model", str(model), "--mmproj", str(eyes), *FIXED)
    with running(home, free_port, *arguments, **variables) as started:
        started.wait_for("/health", {200})
        yield started


def ask(program: Running, image: bytes, *turns: dict[str, str]) -> httpx.Response:
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    parts = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "What is it?"},
    ]
    body = {
        "messages": [{"role": "user", "content": parts}, *turns],
        "max_tokens": 4,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 3,
    }
    return httpx.post(f"{program.url}/v1/chat/completions", json=body, trust_env=False, timeout=60)


def seen(reply: httpx.Response) -> list[float]:
    assert reply.status_code == 200, reply.text
    tokens: list[dict[str, Any]] = reply.json()["choices"][0]["logprobs"]["content"]
    return [round(top["logprob"], 2) for token in tokens for top in token["top_logprobs"]]


def cached(reply: httpx.Response) -> int:
    return int(reply.json()["usage"]["prompt_tokens_details"]["cached_tokens"])


def peak_bytes(process_id: int) -> int:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) * 1024


@pytest.mark.parametrize("program", ["mlp", "qwen2vl_merger"], indirect=True)
def test_an_image_is_answered_and_found_again(program: Running) -> None:
    first = ask(program, png(80, 60, 1))
    assert first.json()["usage"]["prompt_tokens"] > 50
    assert seen(ask(program, png(80, 60, 2))) != seen(first)
    assert seen(ask(program, png(80, 60, 1))) == seen(first)
    words = first.json()["choices"][0]["message"]["content"]
    turns = ({"role": "assistant", "content": words}, {"role": "user", "content": "Why?"})
    assert cached(ask(program, png(80, 60, 1), *turns)) > N_TOKENS["mlp"]


def test_two_images_at_once_are_answered_as_alone(program: Running) -> None:
    images = [png(80, 60, 3), png(60, 80, 4)]
    alone = [seen(ask(program, image)) for image in images]
    with ThreadPoolExecutor(4) as threads:
        both = [*threads.map(lambda image: seen(ask(program, image)), images * 4)]
    assert both == alone * 4


def test_hostile_images_are_refused_and_cost_no_memory(program: Running) -> None:
    ask(program, png(80, 60))
    before = peak_bytes(program.process.pid)
    for image in HOSTILE * 2:
        reply = ask(program, image)
        assert reply.status_code == 400, reply.text
        assert reply.json()["error"]["param"] == "messages[0].content[0]"
    assert peak_bytes(program.process.pid) - before < 64 * MIB
    assert ask(program, png(80, 60)).status_code == 200


def test_everybody_is_told_that_it_sees(program: Running) -> None:
    assert program.get("/props").json()["modalities"]["vision"] is True
    assert program.get("/llamapack/info").json()["model"]["sees_images"] is True
    (model,) = program.get("/v1/models").json()["data"]
    assert "image" in model["architecture"]["input_modalities"]


def test_a_projector_of_another_model_ends_the_start(
    home: Home, tmp_path: Path, variables: dict[str, str]
) -> None:
    model, eyes = make_gguf(tmp_path / "m.gguf"), make_mmproj(tmp_path / "e.gguf", n_embd=96)
    arguments = ("--model", str(model), "--mmproj", str(eyes), "--port", "0", *FIXED)
    ended = run(home, *arguments, **variables)
    assert ended.returncode != 0
    assert "rows of 96 numbers" in ended.stdout + ended.stderr
