"""A folder with one model in it, in one file or in several; a projector beside it is told apart."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.gguf_files.file import read_gguf
from llamapack.gguf_files.model import part_type
from llamapack.inputs.choosing import Candidate, candidates, listed, projectors
from llamapack.inputs.file import from_file
from llamapack.inputs.found import Found
from llamapack.text import plain

_MOST_FILES = 2000
_MOST_READ = 64


def from_folder(folder: Path) -> Found:
    """Raises ModelError that lists the models when they are several, and says what to do when
    there is none."""
    sizes = files_in(folder)
    found = [one for one in candidates(sizes.items()) if _may_be_model(folder, one, len(sizes))]
    if not found:
        raise ModelError(_none_text(folder, sizes))
    if len(found) > 1:
        raise ModelError(f"There are {len(found)} models in {plain(str(folder))}. {listed(found)}")
    model = from_file(folder / found[0].files[0])
    return model.with_projector(beside(folder, sizes))


def files_in(folder: Path) -> dict[str, int | None]:
    """The names in it with their sizes in bytes; None for what is no file. ModelError."""
    try:
        paths = sorted(islice(folder.iterdir(), _MOST_FILES))
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(folder))}: {error.strerror}.") from error
    return {path.name: _size(path) for path in paths if not path.name.startswith(".")}


def beside(folder: Path, names: dict[str, int | None]) -> Path | None:
    """The projector among the files of `folder`."""
    found = projectors(names)
    return folder / found[0] if found else None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None  # whoever opens it says why it cannot be read


def _may_be_model(folder: Path, one: Candidate, count: int) -> bool:
    """Not a part such as an adapter. One that cannot be read may be a model: it is told of when it
    is the only one."""
    if count > _MOST_READ:
        return True
    try:
        return part_type(read_gguf(folder / one.files[0], is_part=True).header) is None
    except ModelError:
        return True


def _none_text(folder: Path, names: dict[str, int | None]) -> str:
    shown = plain(str(folder))
    if any(name.endswith((".safetensors", ".bin", ".pth")) for name in names):
        return unconverted_text(shown)
    if any(name.lower().endswith("modelfile") for name in names):
        return f"There is no GGUF model in {shown}, but a Modelfile; pack it with: -f"
    inner = [name for name in names if _has_models(folder / name)]
    if inner:
        return f"There is no GGUF model in {shown} itself; name the folder {plain(inner[0])} in it."
    if not names:
        return f"The folder {shown} is empty; name a GGUF model, or a folder with one in it."
    return f"There is no GGUF model in {shown}; name the folder or file that has one."


def _has_models(folder: Path) -> bool:
    try:
        return any(folder.glob("*.gguf"))
    except OSError:
        return False  # what may not be looked into is no place to send somebody to


def unconverted_text(shown: str) -> str:
    return (
        f"{shown} holds a model in the form that it was trained in, not a GGUF. Get its GGUF (on "
        "Hugging Face most models have a repository whose name ends in -GGUF), or make one with "
        "llama.cpp: python convert_hf_to_gguf.py FOLDER --outfile MODEL.gguf"
    )
