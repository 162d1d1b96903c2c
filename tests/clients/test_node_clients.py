"""The npm clients, each file of checks run by Node's own test runner."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clients.environment import FOLDER, node_environment
from clients.served import Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("npm"), reason="there is no Node.js with npm here"),
]
CHECKS = FOLDER / "node"


@pytest.fixture(scope="session")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of checks beside the packages, where Node looks for them."""
    folder = tmp_path_factory.mktemp("node")
    for file in CHECKS.glob("*.mjs"):
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(node_environment(CHECKS, print) / "node_modules")
    return folder


@pytest.mark.parametrize("client", ["anthropic", "ollama", "openai"])
def test_client(client: str, checks: Path, served: Served, tmp_path: Path) -> None:
    command = ["node", "--test", "--test-reporter=spec", f"check_{client}.mjs"]
    served.check(command, tmp_path, checks)
