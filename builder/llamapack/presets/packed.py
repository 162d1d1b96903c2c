"""What a preset names to be packed besides the model: texts as the command line has them, whose
paths begin where the preset lies."""

from __future__ import annotations

from pathlib import Path

from llamapack.errors import LlamapackError, SettingError
from llamapack.inputs.place import path_in, what_is
from llamapack.inputs.resolve import names_a_place
from llamapack.models import split_name
from llamapack.text import plain
from llamapack_runtime.pack.lora import read_wish


def named_argument(text: str, folder: Path, here: str) -> str:
    """[NAME=]MODEL, as `model_argument`."""
    try:
        is_file = (folder / text).exists()
    except OSError as error:
        raise SettingError(f"{here}: {plain(text)[:80]}: {error.strerror}.") from error
    argument, name = (text, None) if is_file else split_name(text, here)
    argument = model_argument(argument, folder, here)
    return argument if name is None else f"{name}={argument}"


def model_argument(text: str, folder: Path, here: str) -> str:
    """MODEL for a model in `folder`, or for one of another program's, which is looked for when it
    is packed. SettingError that begins with `here`."""
    try:
        path = path_in(folder, text)
        if what_is(path) is not None:
            return str(path)
    except OSError as error:
        raise SettingError(f"{here}: {plain(text)[:80]}: {error.strerror}.") from error
    except LlamapackError as error:
        raise SettingError(f"{here}: {error}") from error
    if not names_a_place(text):
        raise SettingError(f"{here}: there is no model {plain(str(path))}.")
    return text


def adapter_argument(text: str, folder: Path, here: str) -> str:
    """NAME=FILE:SCALE for an adapter in `folder`. SettingError that begins with `here`."""
    try:
        wish = read_wish(text)
        path = path_in(folder, str(wish.path))
        is_there = path.is_file()
    except ValueError as error:
        raise SettingError(f"{here} {plain(str(error))}.") from error
    except (LlamapackError, OSError) as error:
        raise SettingError(f"{here}: {plain(str(error))}") from error
    if not is_there:
        raise SettingError(f"{here}: there is no file {plain(str(path))}.")
    return f"{wish.name}={path}:{wish.scale!r}"
