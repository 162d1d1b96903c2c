"""The examples of the document, run as a person would who copies them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from fake_embedder import fake_embedder
from llamapack_runtime.api.openapi.examples import EXAMPLES, Example
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from runtime.api.served import TIMEOUT_S, Server, StartServer

ALL = [(path, example) for path, examples in EXAMPLES.items() for example in examples]
# What is printed when all is well; elsewhere the model's word.
EXPECTED = {
    "/v1/models": "test-model",
    "/v1/embeddings": "vectors",
    "/tokenize": '"tokens"',
    "/health": '"ok"',
    "/llamapack/info": "Test pack",
}
COMMANDS = {
    "Shell": ["sh", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "-e"],
}


@pytest.fixture
def server(start: StartServer, service: Service, make_session: Callable[..., Session]) -> Server:
    """Chats and makes embeddings."""
    session = make_session("Hello!")
    started = start(session)
    service.state = Ready(session, "", embedder=fake_embedder())
    return started


def shown(server: Server, path: str, label: str) -> str:
    """The example as the document has it, with the real address."""
    document = httpx.get(f"{server.url}openapi.json", trust_env=False, timeout=TIMEOUT_S).json()
    operations = document["paths"][path].values()
    samples = [sample for one in operations for sample in one.get("x-codeSamples", [])]
    return str(next(sample["source"] for sample in samples if sample["label"] == label))


@pytest.mark.parametrize(("path", "example"), ALL, ids=[f"{p} {e.label}" for p, e in ALL])
def test_an_example_works_as_it_is(
    server: Server, path: str, example: Example, tmp_path: Path
) -> None:
    command = COMMANDS[example.language]
    for program in {"Shell": ("sh", "curl"), "JavaScript": ("node",)}.get(example.language, ()):
        if shutil.which(program) is None:
            pytest.skip(f"{program} was not found")
    source = shown(server, path, example.label)
    assert server.url.removesuffix("/") in source
    result = subprocess.run(
        [*command, source],
        env=os.environ | {"NO_PROXY": "*", "no_proxy": "*"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    printed = result.stdout.replace("\n", "") + " " + joined(result.stdout)
    expected = "embedding" if "curl" in source and "embeddings" in path else EXPECTED.get(path)
    assert (expected or "Hello!") in printed, printed


def joined(printed: str) -> str:
    """The text of a stream's events, which may come letter by letter."""
    text = ""
    for line in printed.splitlines():
        data = line.removeprefix("data: ")
        if data.startswith("{"):
            event = json.loads(data)
            message = (event.get("choices") or [{}])[0].get("delta") or event.get("message") or {}
            text += message.get("content") or "" if isinstance(message, dict) else ""
    return text
