"""The kinds of input, in one table: which of them a model argument is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.inputs.file import from_file
from llamapack.inputs.folder import from_folder, unconverted_text
from llamapack.inputs.found import Found
from llamapack.inputs.from_modelfile import from_modelfile
from llamapack.inputs.hugging_face import from_hugging_face
from llamapack.inputs.lmstudio import from_lmstudio
from llamapack.inputs.missing import missing_argument
from llamapack.inputs.ollama import from_ollama
from llamapack.inputs.place import what_is
from llamapack.presets.checking import near_miss
from llamapack.reporter import Reporter
from llamapack.text import plain

# What stands before the colon: where the model is looked for, with what stands behind it.
PLACES: Mapping[str, Callable[[str, Reporter], Found]] = {
    "hf": from_hugging_face,
    "lmstudio": lambda text, _: from_lmstudio(text),
    "ollama": lambda text, _: from_ollama(text),
}
_PLACE = re.compile(r"([A-Za-z]{2,}):(?!//)(.+)", re.S)  # one letter is a drive of Windows
_UNCONVERTED = (".safetensors", ".bin", ".pth", ".pt")


def resolve(argument: str, reporter: Reporter) -> Found:
    """What `argument`, as given on the command line, names: a GGUF, one of several parts of one, a
    folder, a Modelfile, or a model of one of PLACES. Raises ModelError, and SettingError for what
    comes with the model and cannot be packed."""
    path = Path(argument)
    match = _PLACE.fullmatch(argument)
    kind = what_is(path)
    if match is not None and kind is None:
        return _from_place(match[1], match[2], reporter)
    if kind == "folder":
        return from_folder(path)
    if kind is None:
        raise ModelError(missing_argument(argument))
    if path.name.lower().endswith("modelfile"):
        return from_modelfile(path)
    if path.suffix.lower() in _UNCONVERTED:
        raise ModelError(unconverted_text(plain(str(path))))
    return from_file(path)


def names_a_place(argument: str) -> bool:
    """Whether it names a model of another program's."""
    match = _PLACE.fullmatch(argument)
    return match is not None and match[1].lower() in PLACES


def _from_place(place: str, text: str, reporter: Reporter) -> Found:
    find = PLACES.get(place.lower())
    if find is not None:
        return find(text, reporter)
    if near_miss(place, PLACES):
        raise ModelError(f"There is no place '{plain(place)}'.{near_miss(place, PLACES)}")
    raise ModelError(missing_argument(f"{place}:{text}"))
