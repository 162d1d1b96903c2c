"""Reads a preset, a TOML file with what a packer wants, and checks every value of it. What is wrong
is told with the file, the line, the key and what is allowed."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamapack.errors import SettingError
from llamapack.options import check_prompt, read_prompt
from llamapack.presets.checking import checked_settings, checked_value, near_miss, near_setting
from llamapack.presets.fields import BY_NAME, TABLES, VERSION, VERSION_KEY, Table, table_of
from llamapack.presets.lines import Place, lines_of
from llamapack.presets.values import checked_field
from llamapack.text import plain
from llamapack_runtime.pack.settings import ALL, Setting

MAX_PRESET_BYTES = 2 << 20  # a system prompt may have half of it
_PLACE_OF_ERROR = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Preset:
    """`flags` are what `llamapack build` would have got by its flags, by their long names without
    dashes; files are paths from where the preset lies. `settings` are the runtime's."""

    path: Path
    flags: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """The flags, by the names of the command's parameters."""
        return {BY_NAME[name].parameter: value for name, value in self.flags.items()}


def read_preset(path: Path) -> Preset:
    """SettingError: file, line, key, and what is allowed there."""
    text = _read_text(path)
    shown = plain(path.name)
    try:
        data = tomllib.loads(text)
        lines = lines_of(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(_syntax_problem(shown, text, str(error))) from error
    except RecursionError as error:
        raise SettingError(f"{shown} has values inside values without end.") from error
    return _Reader(path, data, lines).run()


def _read_text(path: Path) -> str:
    shown = plain(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SettingError(f"The preset {shown} is not a plain file.")
        with path.open("rb") as file:
            data = file.read(MAX_PRESET_BYTES + 1)
        if len(data) > MAX_PRESET_BYTES:
            raise SettingError(f"The preset {shown} has more than {MAX_PRESET_BYTES >> 20} MiB.")
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise SettingError(f"The preset {shown} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"The preset {shown} is not UTF-8 text; save it as UTF-8.") from error


def _syntax_problem(shown: str, text: str, message: str) -> str:
    """As the library says it, but with the line where all others have it."""
    match = _PLACE_OF_ERROR.search(message)
    words = plain(message if match is None else message[: match.start()].strip())
    line = match[1] if match is not None and match[1] else text.rstrip("\n").count("\n") + 1
    return f"{shown}:{line}: this is not TOML: {words[:200]}."


class _Reader:
    def __init__(self, path: Path, data: Mapping[str, Any], lines: Mapping[Place, int]) -> None:
        self._path = path
        self._data = data
        self._lines = lines
        self._flags: dict[str, Any] = {}
        self._settings: dict[str, Setting] = {}

    def run(self) -> Preset:
        if VERSION_KEY not in self._data:
            raise SettingError(
                f"{plain(self._path.name)} is no preset of llamapack: begin it with the line "
                f"'{VERSION_KEY} = {VERSION}'."
            )
        for name, value in self._data.items():
            if name in TABLES:
                self._read_table(TABLES[name], value)
            elif name in BY_NAME:
                self._flags[name] = self._field(name, value)
            else:
                raise SettingError(f"{self._where(name)}: {_unknown(name)}")
        self._check_together()
        del self._flags[VERSION_KEY]
        return Preset(self._path, self._flags, self._settings)

    def _field(self, name: str, value: object) -> Any:
        return checked_field(BY_NAME[name], value, self._path.parent, self._where)

    def _read_table(self, table: Table, value: object) -> None:
        if not isinstance(value, dict):
            raise SettingError(f"{self._where(table.name)} must be a table: [{table.name}].")
        by_name = {option.name: option for option in table.options}
        for name, one in value.items():
            where = self._where(table.name, name)
            if name not in by_name:
                raise SettingError(f"{where}: {_unknown_in(table, name)}")
            self._settings[name] = checked_value(name, one, where)

    def _check_together(self) -> None:
        """What each value does not show alone."""
        prompt, file = self._flags.get("system-prompt"), self._flags.pop("system-prompt-file", None)
        if prompt is not None and file is not None:
            where = self._where("system-prompt-file")
            raise SettingError(f"{where}: there is a system-prompt already; keep one of them.")
        if file is not None:
            self._flags["system-prompt"] = self._prompt_in(file)
        for name in ("lock-system-prompt", "bake"):
            if self._flags.get(name) and "system-prompt" not in self._flags:
                raise SettingError(f"{self._where(name)} needs a system-prompt.")
        checked_settings(self._settings)

    def _prompt_in(self, path: Path) -> str:
        try:
            text = read_prompt(path)
            check_prompt(text)
        except SettingError as error:
            raise SettingError(f"{self._where('system-prompt-file')}: {error}") from error
        return text

    def _where(self, *place: str | int) -> str:
        """As a message begins: "presets.toml:12: sampling.temp"."""
        line = self._lines.get(place, 1)
        names = (f"[{one}]" if isinstance(one, int) else f".{plain(one)[:80]}" for one in place)
        return f"{plain(self._path.name)}:{line}: {''.join(names).lstrip('.')}"


def _unknown(name: str) -> str:
    """For a key beside the tables."""
    table = None if name not in ALL else table_of(ALL[name])
    if table is not None:
        return f"this setting belongs into the table [{table}]."
    near = near_miss(name, [*BY_NAME, *TABLES])
    return f"there is no such key.{near}"


def _unknown_in(table: Table, name: str) -> str:
    option = ALL.get(name)
    if name in BY_NAME:
        return f"this key stands before all tables, not in [{table.name}]."
    right = None if option is None else table_of(option)
    if right is not None:
        return f"this setting belongs into the table [{right}]."
    if option is not None:
        return "this cannot be packed: it is for the command line of a start."
    near = near_setting(name, table.options)
    if near:
        return f"there is no such setting.{near}"
    near = near_setting(name, (one for two in TABLES.values() for one in two.options))
    return f"there is no such setting in [{table.name}].{near}"
