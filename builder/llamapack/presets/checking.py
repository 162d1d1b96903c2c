"""Settings of the runtime as packers write them, checked as the runtime will check them when the
pack is started."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from llamapack.errors import SettingError
from llamapack.text import plain
from llamapack_runtime.pack.settings import (
    ALL,
    PACKABLE,
    Option,
    Setting,
    UsageError,
    instead_of,
    setting_of_json,
    setting_of_text,
)

# Beside the system prompt, which has a bound of its own; the manifest holds both.
MAX_SETTINGS_BYTES = 1 << 20
_BY_FORM = {form: option for option in ALL.values() for form in option.forms}


def checked_setting(name: str, text: str, source: str = "") -> Setting:
    """The value of the setting `name`, which may be any of its flag's names, as a manifest holds
    it. SettingError that begins with `source`; without one, with the name."""
    option = find_option(name, source)
    try:
        return setting_of_text(option, text, source or option.name)
    except UsageError as error:
        raise SettingError(plain(str(error))) from error


def checked_value(name: str, value: object, source: str = "") -> Setting:
    """The same of a value that has a type already."""
    option = find_option(name, source)
    try:
        return setting_of_json(option, value, source or option.name)
    except UsageError as error:
        raise SettingError(plain(str(error))) from error


def settings_from_flags(pairs: Iterable[str], flag: str = "--set") -> dict[str, Setting]:
    """Settings by name out of texts such as "temp=0.5"; the last one of a name wins, but lists
    grow. A switch alone is on. SettingError that begins with `flag`."""
    settings: dict[str, Setting] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        option = find_option(name, flag)
        if not sign and option.kind != "switch":
            raise SettingError(f"{flag} {option.name} needs a value: {flag} {option.name}=VALUE.")
        value = checked_setting(option.name, text if sign else "on", f"{flag} {option.name}")
        before = settings.get(option.name)
        if isinstance(before, list) and isinstance(value, list):
            value = checked_value(option.name, [*before, *value], f"{flag} {option.name}")
        settings[option.name] = value
    return settings


def checked_settings(values: Mapping[str, Any]) -> dict[str, Setting]:
    """Every setting of a pack, by the names that the manifest has. SettingError."""
    settings = {name: checked_value(name, value) for name, value in values.items()}
    others = {name: value for name, value in settings.items() if name != "system-prompt"}
    try:
        size = len(json.dumps(others, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise SettingError("One of the settings is not UTF-8 text.") from error
    if size > MAX_SETTINGS_BYTES:
        raise SettingError(
            f"The settings take {size:,} bytes, more than the {MAX_SETTINGS_BYTES:,} that a pack "
            "has for them; shorten them."
        )
    return settings


def find_option(name: str, source: str = "") -> Option:
    """The option that a setting names. SettingError with a near miss when a pack has no such."""
    bare = name.strip().lstrip("-").replace("_", "-")
    option = _BY_FORM.get(f"--{bare}") or _BY_FORM.get(f"-{bare}")
    begin = f"{source}: " if source else ""
    if option is None:
        raise SettingError(f"{begin}{_unknown(plain(name)[:80], bare)}")
    if option.name not in PACKABLE:
        raise SettingError(
            f"{begin}'{option.name}' cannot be packed: it is for the command line of a start."
        )
    return option


def near_miss(name: str, known: Iterable[str]) -> str:
    """A sentence to append, or nothing: " Did you mean 'temp'?"."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def near_setting(name: str, options: Iterable[Option]) -> str:
    """The same; also what is near another name of an option is near the option."""
    forms = {form.lstrip("-"): one.name for one in options for form in one.forms if len(form) > 3}
    near = difflib.get_close_matches(name, list(forms), n=1, cutoff=0.5)
    return f" Did you mean '{forms[near[0]]}'?" if near else ""


def _unknown(shown: str, bare: str) -> str:
    instead = instead_of(f"--{bare}") or instead_of(f"-{bare}")
    if instead is not None:
        return f"There is no setting '{shown}': {instead}."
    return f"There is no setting '{shown}'.{near_setting(bare, PACKABLE.values())}"
