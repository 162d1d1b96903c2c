"""A model named by its file; for one in several files, by any of them."""

from __future__ import annotations

from pathlib import Path

from llamapack.gguf_files.model import read_model
from llamapack.gguf_files.split import NAME
from llamapack.inputs.found import Found


def from_file(path: Path) -> Found:
    """Raises ModelError."""
    return Found(read_model(path), stem_of(path.name))


def stem_of(name: str) -> str:
    """A GGUF's name without its ending, and without the number of a part."""
    match = NAME.fullmatch(name)
    if match is not None:
        return match["stem"]
    return name[:-5] if name.lower().endswith(".gguf") else name
