"""What to say of a path that is not there: the near ones, and the other ways to name a model."""

from __future__ import annotations

import difflib
import re
from itertools import islice
from pathlib import Path

from llamapack.inputs.ollama_store import stored_names
from llamapack.inputs.place import is_folder
from llamapack.text import plain

_MOST_NAMES = 2000
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")
_ADDRESS = re.compile(r"(?i)https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)")


def missing_text(path: Path) -> str:
    """Whole sentences about the file or folder `path`, which does not exist."""
    folder = path.parent
    if not is_folder(folder):
        near = _near(folder.name, _names(folder.parent))
        hint = f" Did you mean the folder {plain(str(folder.parent / near))}?" if near else ""
        return (
            f"Cannot read {plain(str(path))}: the folder {plain(str(folder))} is not there.{hint}"
        )
    near = _near(path.name, _names(folder))
    hint = f" Did you mean {plain(str(folder / near))}?" if near else ""
    return f"Cannot read {plain(str(path))}: No such file or directory.{hint}"


def missing_argument(argument: str) -> str:
    """The same for a model argument as it was typed, which may be one of another kind."""
    address = _ADDRESS.match(argument)
    if address is not None:
        return f"That is a page's address; for its model, write hf:{address[1]}"
    ollama = stored_names()
    if argument in ollama or f"{argument}:latest" in ollama:
        return f"There is no file {plain(argument)}. Ollama has it: write ollama:{argument}"
    text = missing_text(Path(argument))
    if text.endswith("?"):
        return text
    if _REPOSITORY.fullmatch(argument) and not argument.endswith(".gguf"):
        return f"{text} If it is on Hugging Face, write hf:{argument}"
    near = _near(argument, ollama)
    return f"{text} Did you mean ollama:{near}?" if near else text


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in islice(folder.iterdir(), _MOST_NAMES)]
    except OSError:
        return []  # a folder that may not be listed has no names to offer


def _near(name: str, names: list[str]) -> str | None:
    lowered = {other.lower(): other for other in names if not other.startswith(".")}
    for exact in (name.lower(), f"{name.lower()}.gguf"):
        if exact in lowered:
            return lowered[exact]
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None
