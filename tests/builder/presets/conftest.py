"""A folder with what presets name."""

from __future__ import annotations

from pathlib import Path

import pytest

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "owl.svg").write_bytes(SVG)
    (tmp_path / "teacher.txt").write_text("You teach Latin.\n")
    (tmp_path / "empty.txt").write_text("")
    for name in ("Qwen3", "all-MiniLM-L6-v2", "pirate", "formal-v2", "mmproj-model", "small"):
        (tmp_path / f"{name}.gguf").write_bytes(b"")
    return tmp_path
