"""The document against the routes: schemathesis makes requests from it, and holds every reply
against it. LLAMAPACK_TEST_SCHEMATHESIS_S is how long, a minute unless told."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.environment import python_environment
from fake_embedder import fake_embedder
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from runtime.api.served import StartServer

DURATION_S = int(os.environ.get("LLAMAPACK_TEST_SCHEMATHESIS_S", "60"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(DURATION_S + 240)]


def test_every_reply_is_as_the_document_says(
    start: StartServer,
    service: Service,
    make_session: Callable[..., Session],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    python = python_environment("schemathesis", print).python
    session = make_session("Hello!", n_ctx=256)
    server = start(session)
    service.data_folder = tmp_path
    with contextlib.closing(fake_embedder()) as embedder:
        service.state = Ready(session, "", embedder=embedder)
        done = subprocess.run(
            [
                python.with_name("schemathesis"),
                "--config-file",
                CONFIGURATION,
                "run",
                f"{server.url}openapi.json",
                f"--checks={','.join(CHECKS)}",
                "--phases=coverage,fuzzing",
                f"--max-time={DURATION_S}",
                "--request-timeout=20",
                "--seed=1",
                "--no-color",
                "--warnings=off",
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "*"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=DURATION_S + 120,
            check=False,
        )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []
