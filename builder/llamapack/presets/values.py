"""The values of a preset's keys, each checked by its declaration. Knows nothing of TOML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llamapack.branding import read_branding
from llamapack.errors import SettingError
from llamapack.options import check_prompt
from llamapack.presets.fields import VERSION, Field
from llamapack.presets.packed import adapter_argument, model_argument, named_argument
from llamapack.quantize import file_type
from llamapack.text import plain
from llamapack_runtime.pack import Brand, BrandError
from llamapack_runtime.pack.brand import MAX_CHARS

Where = Callable[..., str]


def checked_field(field: Field, value: object, folder: Path, where: Where) -> Any:
    """The value as the command takes it; a file as a path from `folder`. SettingError that begins
    with what `where` gives for the key or for one of its items."""
    here = where(field.name)
    match field.kind:
        case "version":
            _check_version(value, here)
        case "switch":
            if not isinstance(value, bool):
                raise SettingError(f"{here} must be true or false, not {_shown(value)}.")
        case "texts" | "choices":
            return _wishes(field, value, where)
        case "models" | "adapters":
            argument = named_argument if field.kind == "models" else adapter_argument
            each = _texts(field, value, where)
            return tuple(argument(text, folder, item) for text, item in each)
        case "model":
            _check_text(field, value, here)
            return model_argument(str(value), folder, here)
        case "quantization":
            return _quantization(value, here)
        case "choice":
            if value not in field.choices:
                allowed = " or ".join(field.choices)
                raise SettingError(f"{here} must be {allowed}, not {_shown(value)}.")
        case "file":
            return _file(field, value, folder, here)
        case _:
            _check_text(field, value, here)
    return value


def _check_version(value: object, here: str) -> None:
    if value is not VERSION and (isinstance(value, bool) or value != VERSION):
        raise SettingError(
            f"{here} must be {VERSION}, the one kind of preset that this llamapack reads, "
            f"not {_shown(value)}."
        )


def _check_text(field: Field, value: object, here: str) -> None:
    if not isinstance(value, str):
        what = "a colour such as #1a7f5a" if field.kind == "color" else "a text"
        raise SettingError(f"{here} must be {what}, not {_shown(value)}.")
    if field.name == "system-prompt":
        try:
            check_prompt(value)
        except SettingError as error:
            raise SettingError(f"{here}: {error}") from error
    elif field.kind == "color" or field.name in MAX_CHARS:
        _check_wish(field.name, value, here)
    elif not (value.strip() and value.isprintable() and len(value) <= field.most):
        raise SettingError(f"{here} must be one line of 1 to {field.most} characters.")


def _check_wish(name: str, value: Any, here: str) -> None:
    try:
        Brand(**{name: value})
    except BrandError as error:
        raise SettingError(f"{here} {plain(error.problem)}.") from error


def _wishes(field: Field, value: object, where: Where) -> tuple[str, ...]:
    texts: tuple[str, ...] = ()
    for text, item in _texts(field, value, where):
        _check_wish(field.name, (text,), item)
        texts = (*texts, text)
    _check_wish(field.name, texts, where(field.name))
    return texts


def _texts(field: Field, value: object, where: Where) -> Iterator[tuple[str, str]]:
    """Each, and how a message about it begins."""
    here = where(field.name)
    if not isinstance(value, list):
        raise SettingError(f'{here} must be a list of texts, ["…", "…"], not {_shown(value)}.')
    if len(value) > field.most_items:
        raise SettingError(f"{here} may be {field.most_items} at most, not {len(value)}.")
    for index, one in enumerate(value):
        item = where(field.name, index)
        if not isinstance(one, str) or not one:
            raise SettingError(f"{item} must be a text, not {_shown(one)}.")
        yield one, item


def _quantization(value: object, here: str) -> str:
    if not isinstance(value, str):
        raise SettingError(f"{here} must be a type such as Q4_K_M, not {_shown(value)}.")
    return file_type(value, here)


def _file(field: Field, value: object, folder: Path, here: str) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise SettingError(f"{here} must be the name of a file, not {_shown(value)}.")
    path = folder / value
    if not path.is_file():
        raise SettingError(f"{here}: there is no file {plain(str(path))}.")
    if field.name == "logo":
        try:
            read_branding({}, path)
        except SettingError as error:
            raise SettingError(f"{here}: {error}") from error
    return path


def _shown(value: object) -> str:
    """Short, and harmless for a terminal."""
    text = plain(repr(value))
    return text if len(text) <= 60 else f"{text[:60]}…"
