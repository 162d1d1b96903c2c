"""Writes a preset as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llamapack.presets.fields import FIELDS, TABLES, VERSION, VERSION_KEY


def preset_text(flags: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """A preset that reads as these; see `reader.Preset`. Files are texts here. What a table does
    not have is left out."""
    said = (field.name for field in FIELDS if flags.get(field.name) not in (None, ()))
    lines = [f"{VERSION_KEY} = {VERSION}"]
    lines += [f"{name} = {toml_value(flags[name])}" for name in said]
    for table in TABLES.values():
        names = [option.name for option in table.options if option.name in settings]
        if names:
            lines += ["", f"[{table.name}]"]
            lines += [f"{name} = {toml_value(settings[name])}" for name in names]
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """Of a text, a number, a switch or a list of them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, str) and "\n" in value.strip("\n"):
        return f'"""\n{_escaped(value)}"""'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    assert isinstance(value, bool | int | float), "a preset has no other values"
    return json.dumps(value, allow_nan=False)


def _escaped(text: str) -> str:
    """Inside of three quotation marks."""
    lines = (toml_value(line)[1:-1] for line in text.split("\n"))
    return "\n".join(lines)
