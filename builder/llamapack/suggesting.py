"""Commands and choices that say what was meant when a word is misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import click


def near_word(word: str, known: Iterable[str]) -> str:
    """A sentence to append, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


class SuggestingGroup(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            raise click.UsageError(f"There is no command '{name}'.{self.hint(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def hint(self, ctx: click.Context, name: str) -> str:
        """A sentence to append, or nothing."""
        return near_word(name, self.list_commands(ctx))


class SuggestingChoice(click.Choice[str]):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            there = ", ".join(self.choices)
            near = near_word(str(value), self.choices)
            self.fail(f"'{value}' is none of {there}.{near}", param, ctx)
        return super().convert(value, param, ctx)
