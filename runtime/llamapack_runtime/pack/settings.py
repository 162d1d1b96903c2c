"""What a pack may set for the runtime in it, checked as the runtime does, for those who make packs.
Standard library only; no part of `pack` itself, which readers of packs import."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llamapack_runtime.errors import UsageError
from llamapack_runtime.foreign_options import instead_of
from llamapack_runtime.option import Option, Value
from llamapack_runtime.option_values import expected, from_json, from_text
from llamapack_runtime.options import OPTIONS
from llamapack_runtime.settings import SWITCH_WORDS, Settings

__all__ = ["Option", "Setting", "UsageError", "expected", "instead_of"]

# As a manifest holds it.
Setting = str | int | float | bool | list[str]

ALL: Mapping[str, Option] = MappingProxyType({option.name: option for option in OPTIONS})
PACKABLE: Mapping[str, Option] = MappingProxyType(
    {name: option for name, option in ALL.items() if option.is_packable}
)


def setting_of_text(option: Option, text: str, source: str) -> Setting:
    """UsageError that begins with `source` when a start of the pack would refuse it."""
    if option.kind != "switch":
        return _accepted(option, from_text(option, text, source), source)
    if text.lower() not in SWITCH_WORDS or not text:
        raise UsageError(f"{source} must be {expected(option)}, not '{text}'.")
    return SWITCH_WORDS[text.lower()]


def setting_of_json(option: Option, value: object, source: str) -> Setting:
    """The same."""
    return _accepted(option, from_json(option, value, source), source)


def _accepted(option: Option, value: Value, source: str) -> Setting:
    """What the declaration does not say, Settings checks."""
    try:
        Settings(**{option.field: value})  # type: ignore[arg-type]  # has the option's kind
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error
    return list(value) if isinstance(value, tuple) else value
