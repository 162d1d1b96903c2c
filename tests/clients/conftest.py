"""One pack that asks for a key, started once, for the clients of every test here.

LLAMAPACK_TEST_PACK names the pack, or any program that takes the same arguments, such as a script
that runs `python -m llamapack_runtime` on other sources.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clients.served import KEY, Served
from running_pack import START_TIMEOUT_S, RunningPack, spawn


@pytest.fixture(scope="session")
def program() -> Path:
    named = os.environ.get("LLAMAPACK_TEST_PACK")
    if not named:
        pytest.skip("LLAMAPACK_TEST_PACK names no pack; `make test` builds one and sets it")
    return Path(named).resolve()


@pytest.fixture(scope="session")
def served(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    pack = spawn(
        program, tmp_path_factory.mktemp("home"), arguments=("--api-key", KEY, "--embeddings")
    )
    try:
        _wait_until_ready(pack)
        yield Served(pack)
    finally:
        pack.kill()


def _wait_until_ready(pack: RunningPack) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        while time.monotonic() < until and pack.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{pack.url}/health").status_code == 200:
                    return
            threading.Event().wait(0.05)  # nothing signals that a model is loaded
    raise AssertionError(f"The program is not ready; it printed: {pack.printed}")
