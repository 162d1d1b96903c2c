"""Options under headings in --help, where there are too many for one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_REST = "Options"


class GroupedOption(click.Option):
    def __init__(self, *arguments: Any, group: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.group = group


class GroupedCommand(click.Command):
    """Headings come in the order in which an option first has one; all others are at the end."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "group", _REST), []).append(record)
        rest = sections.pop(_REST, [])
        for heading, records in [*sections.items(), (_REST, rest)]:
            with formatter.section(heading):
                formatter.write_dl(records)


def grouped(group: str, *names: str, **named: Any) -> Callable[[Decorated], Decorated]:
    """`click.option` under a heading."""
    return click.option(*names, cls=GroupedOption, group=group, **named)
