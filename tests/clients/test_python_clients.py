"""The Python clients: each file of checks runs in its client's own environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clients.environment import FOLDER, python_environment
from clients.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CHECKS = FOLDER / "checks"
ENVIRONMENTS = {
    "anthropic": "current",
    "embeddings": "current",
    "langchain": "current",
    "litellm": "frameworks",
    "llama_index": "frameworks",
    "llm": "current",
    "ollama": "current",
    "openai": "current",
    "openai_responses": "current",
    "openai_tools": "current",
}


def test_every_file_of_checks_is_run() -> None:
    assert {path.stem for path in CHECKS.glob("check_*.py")} == {
        f"check_{client}" for client in ENVIRONMENTS
    }


@pytest.mark.parametrize("client", ENVIRONMENTS)
def test_client(client: str, served: Served, tmp_path: Path) -> None:
    python = python_environment(ENVIRONMENTS[client], print).python
    more = os.environ.get("LLAMAPACK_TEST_CLIENT_OPTIONS", "").split()
    file = CHECKS / f"check_{client}.py"
    served.check([python, "-m", "pytest", *more, file], tmp_path, CHECKS)
