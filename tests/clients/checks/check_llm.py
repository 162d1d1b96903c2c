"""The llm program and package, told of the pack by its file of OpenAI-compatible models."""

# The package is only in the environment that this file runs in.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import llm
import pytest

QUESTION = "Name the capital of France."
# What llm asks of a model's entry: names of its own, and ours.
ENTRY = """
- model_id: packed
  model_name: "{name}"
  api_base: "{url}/v1"
  api_key_name: packed
  supports_tools: true
  supports_schema: true
- model_id: stranger
  model_name: "{name}"
  api_base: "{url}/v1"
  api_key_name: stranger
"""


@pytest.fixture(scope="session", autouse=True)
def settings(url: str, key: str) -> Path:
    folder = Path(os.environ["LLM_USER_PATH"])
    folder.mkdir(parents=True, exist_ok=True)
    headers = {"Authorization": f"Bearer {key}"}
    name = httpx.get(f"{url}/v1/models", headers=headers).json()["data"][0]["id"]
    models = folder / "extra-openai-models.yaml"
    models.write_text(ENTRY.format(name=name, url=url), encoding="utf-8")
    keys = json.dumps({"packed": key, "stranger": "wrong-key"})
    (folder / "keys.json").write_text(keys, encoding="utf-8")
    return folder


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llm", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("how", [[], ["--no-stream"]])
def test_the_program_asks(how: list[str]) -> None:
    options = ["-m", "packed", "-o", "temperature", "0", "-o", "max_tokens", "24", *how]
    done = _run(*options, QUESTION)
    assert "Paris" in done.stdout, done.stderr


def test_a_conversation_goes_on() -> None:
    conversation = llm.get_model("packed").conversation()
    first = conversation.prompt(QUESTION, temperature=0, max_tokens=24)
    assert "Paris" in first.text()
    second = conversation.prompt("Repeat that sentence.", temperature=0, max_tokens=24)
    assert "Paris" in "".join(second)


def test_an_answer_follows_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "legs": {"type": "integer"}},
        "required": ["name", "legs"],
        "additionalProperties": False,
    }
    reply = llm.get_model("packed").prompt(
        "Invent a pet.", schema=schema, temperature=0, max_tokens=80
    )
    assert json.loads(reply.text()).keys() == {"name", "legs"}


def test_a_tool_is_offered() -> None:
    """Whether the model calls is its own affair: llm has no required calls."""

    def add(left: int, right: int) -> int:
        """Add two numbers."""
        return left + right

    conversation = llm.get_model("packed").conversation()
    options = {"temperature": 0, "max_tokens": 60}
    chain = conversation.chain("What is 2 + 3?", tools=[add], options=options, chain_limit=3)
    assert len(list(chain.responses())) >= 1
    assert chain.text()


def test_errors_are_shown() -> None:
    wrong = _run("-m", "packed", "word " * 20_000)
    assert wrong.returncode != 0
    assert "context" in wrong.stderr
    stranger = _run("-m", "stranger", QUESTION)
    assert stranger.returncode != 0
    assert "needs its key" in stranger.stderr
