"""The page's modules that know nothing of the page: their tests are JavaScript, run by Node."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = sorted(HERE.glob("*.test.mjs"))
TIMEOUT_S = 60


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_modules(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node was not found; on Debian: apt-get install nodejs")
    # The test runner would take itself for a part of another one.
    variables = {name: value for name, value in os.environ.items() if name != "NODE_TEST_CONTEXT"}
    command = [
        node,
        "--no-warnings",
        "--experimental-detect-module",
        "--test",
        "--test-reporter=tap",
        str(path),
    ]
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0" not in done.stdout
