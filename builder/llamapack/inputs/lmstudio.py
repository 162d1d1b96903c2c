"""lmstudio:PUBLISHER/REPO[:QUANT], a model out of LM Studio's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.inputs.choosing import candidates, choose
from llamapack.inputs.file import from_file
from llamapack.inputs.folder import beside, files_in
from llamapack.inputs.found import Found
from llamapack.inputs.place import is_folder
from llamapack.presets.checking import near_miss
from llamapack.text import plain

_NAME = re.compile(r"([\w.-]+)/([\w.-]+)(?::([\w.-]+))?")
_MOST_NAMES = 2000
_MAX_LISTED = 12


def folders() -> list[Path]:
    home = Path.home()
    return [home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"]


def from_lmstudio(text: str) -> Found:
    """Raises ModelError that lists near names, or the files of the repository."""
    match = _NAME.fullmatch(text)
    if match is None or ".." in match[0]:
        raise ModelError(
            f"'{plain(text)[:200]}' is no name of a model of LM Studio's, such as "
            "publisher/model-GGUF or publisher/model-GGUF:Q4_K_M."
        )
    for base in folders():
        folder = base / match[1] / match[2]
        if is_folder(folder):
            sizes = files_in(folder)
            chosen = choose(candidates(sizes.items()), match[3], plain(str(folder)))
            return from_file(folder / chosen.files[0]).with_projector(beside(folder, sizes))
    raise ModelError(_unknown(f"{match[1]}/{match[2]}"))


def _names_in(base: Path) -> Iterator[str]:
    try:
        for path in islice(base.glob("*/*"), _MOST_NAMES):
            if is_folder(path):
                yield f"{path.parent.name}/{path.name}"
    except OSError:
        return  # a folder that may not be listed has no names to offer


def _unknown(name: str) -> str:
    there = [base for base in folders() if is_folder(base)]
    if not there:
        return f"LM Studio keeps no models here: {plain(str(folders()[0]))} does not exist."
    found = sorted(name for base in there for name in _names_in(base))
    near = near_miss(name, found)
    if not near and found:
        more = ", ..." if len(found) > _MAX_LISTED else ""
        near = f" There are {plain(', '.join(found[:_MAX_LISTED]))}{more}."
    return f"LM Studio has no model {name} in {plain(str(there[0]))}.{near}"
