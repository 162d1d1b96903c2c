"""What `llamapack new` asks about a pack, in its order. Each answer is checked as a preset's value
is, and asked for again until it is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from llamapack.errors import SettingError
from llamapack.presets.fields import BY_NAME, Field
from llamapack.presets.values import checked_field

# Keys of a preset, and how they are asked for.
QUESTIONS: dict[str, str] = {
    "name": "What is it called",
    "description": "What is it for, in a sentence",
    "author": "Who made it",
    "system-prompt": "What is the model told before every conversation",
    "welcome": "What does the page say before the first message",
    "prompts": "A first message that the page suggests",
    "color": "The page's colour, such as #1a7f5a",
    "logo": "The page's picture, a PNG, JPEG, WebP or SVG file",
}

# What a flag is for, where the key of a preset says it in other words.
FLAG_HELP: dict[str, str] = {
    "welcome": "What the page says before the first message.",
    "prompts": "A first message that the page suggests; again for each.",
    "color": "The page's colour, such as #1a7f5a.",
    "logo": "The page's picture: a PNG, JPEG, WebP or SVG file.",
}


def flag_of(field: Field) -> str:
    return "--prompt" if field.name == "prompts" else f"--{field.name}"


def checked_answer(name: str, text: Any) -> Any:
    """SettingError that begins with the flag."""
    field = BY_NAME[name]
    value = list(text) if field.kind == "texts" else text
    return checked_field(field, value, Path(), lambda *_: flag_of(field))


def ask(name: str, default: str = "") -> Any:
    """The checked answer; None for no wish."""
    if BY_NAME[name].kind == "texts":
        return tuple(_several(name)) or None
    return _one(QUESTIONS[name], lambda text: checked_answer(name, text), default)


def ask_checked(question: str, check: Callable[[str], Any], default: str = "") -> Any:
    """As `check` gives it, which raises LlamapackError; None for an empty answer."""
    return _one(question, check, default)


def _one(question: str, check: Callable[[str], Any], default: str) -> Any:
    hint = "" if default else " (empty: none)"
    while True:
        text = click.prompt(
            f"{question}{hint}", default=default, show_default=bool(default), err=True
        )
        if not text.strip():
            return None
        try:
            return check(text.strip())
        except SettingError as error:
            click.echo(str(error), err=True)


def _several(name: str) -> Iterator[str]:
    """One at a time, until the answer is empty or there may be no more."""
    given: Sequence[str] = ()
    while len(given) < BY_NAME[name].most_items:
        before = given

        def check(text: str, before: Sequence[str] = before) -> str:
            checked_answer(name, (*before, text))
            return text

        text = _one(QUESTIONS[name], check, "")
        if text is None:
            return
        given = (*given, text)
        yield text
