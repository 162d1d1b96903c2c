"""The real model in five files: the pack holds the whole one, byte for byte, and chats."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import httpx
import pytest

from llamapack.build import build
from llamapack.image.store import load_image
from llamapack.inputs import resolve
from llamapack.options import BuildOptions
from llamapack.progress import TerminalReporter
from llamapack_runtime.pack import Pack
from running_pack import running
from split_gguf import split

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
QUESTION = {
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0,
    "max_tokens": 24,
}


def test_the_pack_of_five_files_chats(tmp_path: Path, home: Path) -> None:
    named = [os.environ.get(f"LLAMAPACK_TEST_{name}") for name in ("IMAGE", "MODEL")]
    if not all(named):
        pytest.skip("LLAMAPACK_TEST_IMAGE and LLAMAPACK_TEST_MODEL name none; `make test` does")
    image, model = (Path(name or "").resolve() for name in named)
    parts = split(model, tmp_path, 5)
    with TerminalReporter() as reporter:
        found = resolve(str(parts[3]), reporter)
        options = BuildOptions(found, tmp_path / "pack", "linux-x86_64")
        build(options, lambda _: load_image(image), reporter)
    with Pack.open(options.output) as pack:
        assert pack.entries[0].name == f"model/{model.name}"
        assert pack.entries[0].sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    with running(options.output, home) as started:
        with httpx.Client(base_url=started.url, trust_env=False, timeout=120) as client:
            reply = client.post("/v1/chat/completions", json=QUESTION).json()
        started.stop()
    assert reply["usage"]["completion_tokens"] > 0
    assert reply["choices"][0]["message"]["content"].strip()
