"""The whole program with a draft model: what it tells of it, and how it does without."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

import needs
from make_gguf import make_gguf
from runtime.launch.processes import Home, Running, run, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    needs.LIBRARIES,
]
FIXED = ("--no-browser", "--threads", "1")


@pytest.fixture
def arguments(tmp_path: Path) -> tuple[str, ...]:
    """For a model, and a draft model that fits it."""
    model = make_gguf(tmp_path / "big.gguf", n_layers=4, n_embd=128, n_ctx=1024)
    draft = make_gguf(tmp_path / "small.gguf", n_ctx=1024, seed=2)
    return ("--model", str(model), "--model-draft", str(draft), *FIXED)


@pytest.fixture
def variables() -> dict[str, str]:
    return {"LLAMAPACK_LIBRARIES": os.environ["LLAMAPACK_TEST_LIBRARIES"]}


def draft_of(program: Running) -> Any:
    program.wait_for("/health", {200})
    return program.get("/props").json()["draft_model"]


def answer(program: Running) -> str:
    body = {"prompt": "Once", "n_predict": 60, "temperature": 0, "ignore_eos": True}
    reply = httpx.post(f"{program.url}/completion", json=body, trust_env=False, timeout=60)
    assert reply.json()["tokens_predicted"] == 60
    return str(reply.json()["content"])


def test_it_is_named_and_answers_come(
    home: Home, free_port: int, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    with running(home, free_port, *arguments, **variables) as program:
        assert draft_of(program) == {"name": "small", "is_used": True, "problem": None}
        assert len(answer(program)) > 0
    ran = run(home, *arguments, "--info", "--json", **variables)
    told = json.loads(ran.stdout)["draft_model"]
    assert (told["name"], told["is_used"]) == ("small", True)
    assert told["needed_bytes"] > told["size_bytes"] > 0


def test_a_damaged_one_is_told_and_answers_come(
    home: Home, free_port: int, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    """Its header and its sizes are right, and llama.cpp misses a tensor."""
    path = Path(arguments[3])
    path.write_bytes(path.read_bytes().replace(b"blk.0.ffn_down", b"blk.0.ffn_xxxx"))
    with running(home, free_port, *arguments, **variables) as program:
        told = draft_of(program)
        assert told["is_used"] is False
        assert told["problem"].startswith("The draft model small is not used")
        assert "ffn_down" in told["problem"]
        assert told["problem"] in program.get("/llamapack/info").json()["notes"]
        assert len(answer(program)) > 0
        assert "The draft model small is not used" in program.printed
