"""The CPU variants of ggml that lie in a library folder. Knows nothing of which ones run here."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "ggml-cpu-"
_SUFFIXES = {"win32": ".dll", "darwin": ".so"}  # CMake's MODULE libraries end in .so on macOS


@dataclass(frozen=True, slots=True)
class Variant:
    """One build of ggml's CPU backend: `name` is upstream's (haswell), `path` its file."""

    name: str
    path: Path


def list_variants(library_folder: Path) -> tuple[Variant, ...]:
    """All variants in the folder, by name. A plain `ggml-cpu` without variants is named `cpu`."""
    found = {}
    for path in sorted(library_folder.glob(f"*{_SUFFIXES.get(sys.platform, '.so')}")):
        stem = path.stem.removeprefix("lib")
        if stem.startswith(_PREFIX):
            found[stem.removeprefix(_PREFIX)] = path
        elif stem == "ggml-cpu":
            found["cpu"] = path
    return tuple(Variant(name, path) for name, path in sorted(found.items()))


def library_path(library_folder: Path, stem: str) -> Path:
    """The file of a library such as `llama` or `ggml`. On Linux that is `libggml.so.0`, the very
    file that libllama is linked against: its registry is the live one, a plain copy's is not."""
    if sys.platform == "win32":
        names = [f"{stem}.dll", f"lib{stem}.dll"]
    elif sys.platform == "darwin":
        names = [f"lib{stem}.0.dylib", f"lib{stem}.dylib"]
    else:
        names = [f"lib{stem}.so.0", f"lib{stem}.so"]
    paths = [library_folder / name for name in names]
    return next((path for path in paths if path.exists()), paths[-1])
