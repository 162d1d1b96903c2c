"""The best CPU variant dies on this computer: the next best serves, and the pack says so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from running_pack import chat, clean_environment, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ILLEGAL = b"\x0f\x0b"  # ud2: the processor raises SIGILL


def info(pack: Path, home: Path) -> dict[str, Any]:
    printed = subprocess.run(
        [str(pack), "--info", "--json"],
        env=clean_environment(home),
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout
    return dict(json.loads(printed))


def break_library(path: Path) -> None:
    """Overwrite the entry of ggml_backend_init, which every backend library exports."""
    symbols = subprocess.run(
        ["objdump", "-T", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = next(line for line in symbols.splitlines() if line.endswith(" ggml_backend_init"))
    address = int(line.split()[0], 16)
    sections = subprocess.run(
        ["objdump", "-h", "-j", ".text", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    fields = next(line for line in sections.splitlines() if ".text" in line).split()
    start, offset = int(fields[3], 16), int(fields[5], 16)
    data = bytearray(path.read_bytes())
    at = address - start + offset
    data[at : at + len(ILLEGAL)] = ILLEGAL
    path.write_bytes(data)


def test_the_next_best_is_chosen_said_and_remembered(pack: Path, home: Path) -> None:
    best = info(pack, home)["cpu"]["variant"]
    library = next((home / "cache").glob(f"runtime/*/_internal/llama_cpp/lib/*-{best}.so"))
    break_library(library)
    for remembered in (home / "cache" / "hardware").iterdir():
        remembered.unlink()
    with running(pack, home) as started:
        assert "Paris" in chat(started.url, "Name the capital of France.")
    for _ in range(2):
        cpu = info(pack, home)["cpu"]
        assert cpu["variant"] != best
        assert best in cpu["why"]
        assert "SIGILL" in cpu["why"]
