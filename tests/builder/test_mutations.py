"""20,000 damaged inputs: none crashes the builder, hangs it, or fills the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),  # beside others; alone it takes half a minute
    pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS"),
]
TESTS = Path(__file__).resolve().parent.parent
SEED = int(os.environ.get("LLAMAPACK_TEST_SEED", "7"))
COUNT = 20_000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where there is such a disk: thousands of files are written through."""
    memory = Path("/dev/shm")  # noqa: S108 - only as the parent of a folder of our own
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


def test_each_is_refused_or_becomes_a_pack_that_verifies(folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, TESTS / "builder" / "mutations.py", folder, str(SEED), str(COUNT)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]),
            "HOME": str(folder),
            "OLLAMA_MODELS": "",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    taken = json.loads(ran.stdout)["taken"]
    assert sum(taken.values()) == COUNT
    kinds = ("gguf", "draft", "split", "manifest", "modelfile", "ollama")
    assert all(taken[f"{kind} refused"] > 100 for kind in kinds), taken
    assert taken["gguf packed"] > 500, taken
