"""The whole program with adapters: what is answered at the same moment is what is answered alone,
but for the rounding of prompts that are read in other portions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import needs
from make_lora import make_pusher
from runtime.launch.processes import Home, Running, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    needs.LIBRARIES_AND_MODEL,
]
QUESTIONS = (
    "Name the capital of France.",
    "Why is the sky blue?",
    "Write a poem about a cat. " * 9,
)
SETS: tuple[dict[int, float], ...] = ({}, {0: 1.0}, {1: 1.0}, {0: 1.0, 1: -1.0})
# What reading a prompt in other portions changes of a logarithm: measured up to 0.5 for one request
# alone with --batch-size 24 or 48 for 512, on two variants, with adapters or without.
ROUNDING = 0.8

Logprobs = dict[int, float]


@pytest.fixture
def program(home: Home, free_port: int, tmp_path: Path) -> Iterator[Running]:
    model = Path(os.environ["LLAMAPACK_TEST_MODEL"])
    loras = [
        make_pusher(tmp_path / f"{n}.gguf", model, 500 * n + 500, strength=5.0) for n in (0, 1)
    ]
    flags = [part for one in loras for part in ("--lora", str(one))]
    arguments = ("--model", str(model), *flags, "--no-browser", "--parallel", "4")
    libraries = os.environ["LLAMAPACK_TEST_LIBRARIES"]
    with running(home, free_port, *arguments, LLAMAPACK_LIBRARIES=libraries) as started:
        started.wait_for("/health", {200})
        yield started


def ask(program: Running, adapters: dict[int, float], question: str) -> Logprobs:
    """Of the likeliest first tokens."""
    body: dict[str, Any] = {
        "prompt": question,
        "lora": [{"id": index, "scale": scale} for index, scale in adapters.items()],
        "temperature": 0,
        "n_predict": 12,
        "n_probs": 20,
        "cache_prompt": False,
        "ignore_eos": True,
    }
    reply = httpx.post(f"{program.url}/completion", json=body, trust_env=False, timeout=120)
    assert reply.status_code == 200, reply.text
    first = reply.json()["completion_probabilities"][0]
    return {one["id"]: one["logprob"] for one in first["top_logprobs"]}


def distance(one: Logprobs, other: Logprobs) -> float:
    """The largest difference among the three likeliest of each; 99 where one lacks a token."""
    likeliest = {token for each in (one, other) for token in list(each)[:3]}
    return max(abs(one.get(token, -99) - other.get(token, -99)) for token in likeliest)


def test_at_the_same_moment_each_answers_as_alone(program: Running) -> None:
    asked = [(adapters, question) for question in QUESTIONS for adapters in SETS]
    alone = [ask(program, *one) for one in asked]
    with ThreadPoolExecutor(len(asked)) as threads:
        together = list(threads.map(lambda one: ask(program, *one), asked))
    for at in range(0, len(asked), len(SETS)):
        of_question = alone[at : at + len(SETS)]
        for index, answer in enumerate(together[at : at + len(SETS)]):
            apart = [distance(answer, other) for other in of_question]
            own = apart.pop(index)
            assert own < ROUNDING < min(apart)
