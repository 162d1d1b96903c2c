"""The option --target: one target, several with commas between them, or `all`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from llamapack.errors import OutputError
from llamapack.suggesting import near_word
from llamapack.targets.table import TARGETS, target_named
from llamapack.text import plain

ALL = "all"


class TargetNames(click.ParamType[tuple[str, ...]]):
    """A tuple of names from the table, in its order, each once; or (ALL,)."""

    name = "targets"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).split(",")]
        for word in words:
            if word not in (*TARGETS, ALL):
                there = ", ".join((*TARGETS, ALL))
                self.fail(f"'{word}' is none of {there}.{near_word(word, TARGETS)}", param, ctx)
        return (ALL,) if ALL in words else tuple(name for name in TARGETS if name in words)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        done, comma, word = incomplete.rpartition(",")
        known = (*TARGETS, *(() if comma else (ALL,)))
        return [CompletionItem(done + comma + name) for name in known if name.startswith(word)]


def check_name(path: Path, stem: str) -> None:
    """OutputError where the `stem` of what was asked for is no name."""
    if stem in ("", ".."):
        example = (path if path.name in ("", "..") else path.parent) / "chat"
        raise OutputError(
            f"{plain(str(path))} does not say what the pack is called: end it with a name, such as "
            f"{plain(str(example))}."
        )


def output_for(name: str, path: Path, is_alone: bool) -> Path:
    """Where the pack for the target `name` goes when `path` was asked for: with the ending that
    its system needs, and with the target's name unless it `is_alone`. OutputError for a place
    without a name."""
    suffix = target_named(name).program_suffix
    stem = path.name[: -len(suffix)] if suffix and path.name.lower().endswith(suffix) else path.name
    check_name(path, stem)
    return path.with_name(f"{stem}{suffix}" if is_alone else f"{stem}-{name}{suffix}")
