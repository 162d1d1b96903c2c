"""Python's `str.format` for templates: no more text than a template may make, whatever the fields
of the format reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2.sandbox import SandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

from llamapack_runtime.chat.sandbox_sizes import refuse_above, weight


def bounded_format(
    environment: SandboxedEnvironment, text: str, *, takes_mapping: bool
) -> Callable[..., str]:
    """The method `text.format`, or `text.format_map`."""

    def formatted(*args: Any, **kwargs: Any) -> str:
        if isinstance(text, Markup):
            formatter: _Formatter = _EscapeFormatter(environment, escape=text.escape)
        else:
            formatter = _Formatter(environment)
        if takes_mapping:
            (mapping,) = args
            return type(text)(formatter.vformat(text, (), mapping, **kwargs))
        return type(text)(formatter.vformat(text, args, kwargs))

    return formatted


class _Formatter(SandboxedFormatter):
    """For one call."""

    _used = 0

    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, str]:
        found, first = super().get_field(field_name, args, kwargs)
        self._use(weight(found))
        return found, first

    def format_field(self, value: Any, format_spec: str) -> str:
        text: str = super().format_field(value, format_spec)
        self._use(len(text))
        return text

    def _use(self, characters: int) -> None:
        self._used += characters
        refuse_above(self._used)


class _EscapeFormatter(_Formatter, SandboxedEscapeFormatter):
    pass
