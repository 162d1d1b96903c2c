"""`llamapack new`: asks what is not given by flags, shows the command that this comes to, and runs
it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from llamapack.build_command import build_command
from llamapack.completing import files
from llamapack.errors import LlamapackError, SettingError
from llamapack.inputs import Found, resolve
from llamapack.new.questions import FLAG_HELP, QUESTIONS, ask, ask_checked, checked_answer, flag_of
from llamapack.options import default_output
from llamapack.presets.fields import BY_NAME
from llamapack.presets.schema import SCHEMA_NAME
from llamapack.presets.writing import preset_text
from llamapack.progress import TerminalReporter
from llamapack.text import plain
from llamapack.writing.newfile import new_file

_FILE = click.Path(path_type=Path)
_MODEL = "Which model: a GGUF file, a folder, ollama:NAME, hf:OWNER/REPO"


def _wishes(command: Callable[..., None]) -> Callable[..., None]:
    """A flag for each question."""
    for name in reversed(QUESTIONS):
        field = BY_NAME[name]
        several = field.kind == "texts"
        help_text = FLAG_HELP.get(name, field.help)
        flag = click.option(flag_of(field), field.parameter, multiple=several, help=help_text)
        command = flag(command)
    return command


@click.command("new")
@click.argument("model", required=False, shell_complete=files)
@_wishes
@click.option("-o", "--output", type=_FILE, help="The file to write.  [default: the model's name]")
@click.option(
    "--readme/--no-readme", default=None, help="Whether to write a page for whoever gets it."
)
@click.option("--save-preset", type=_FILE, metavar="FILE", help="Keep the answers as a preset.")
@click.option("--yes", is_flag=True, help="Ask nothing; what is not given stays as it is.")
@click.option("--no-build", is_flag=True, help="Show the command, and run nothing.")
def new_command(
    model: str | None,
    output: Path | None,
    readme: bool | None,
    save_preset: Path | None,
    yes: bool,
    no_build: bool,
    **given: Any,
) -> None:
    """Make a pack by answering questions: about the model, the name, the look and the rest.

    Each question has a flag, and what is given by flags is not asked; without a terminal, or with
    --yes, nothing is. The command that the answers come to is shown before it is run.

    \b
    Examples:
      llamapack new
      llamapack new SmolLM2.gguf
      llamapack new SmolLM2.gguf --name "Latin teacher" --save-preset latin.toml --yes
    """
    asks = not yes and sys.stdin.isatty()
    if save_preset is not None and save_preset.exists():
        raise SettingError(f"{plain(str(save_preset))} exists; name another file for the preset.")
    named, found = _model(model, asks)
    wishes = _answers(given, found, asks)
    output = output or _output(found, asks)
    if asks and readme is None:
        readme = click.confirm("Write a page for whoever gets it, too", default=True, err=True)
    if asks and save_preset is None:
        save_preset = ask_checked("Keep these answers as a preset in this file", _unused)
    arguments = [named, "-o", str(output), *(["--readme"] if readme else [])]
    if save_preset is None:
        arguments += _flags(wishes)
    else:
        _save(wishes, save_preset)
        arguments += ["--preset", str(save_preset)]
    command = shlex.join(["llamapack", "build", *arguments])
    click.echo(f"The command for this:\n  {command}", err=True)
    if no_build or (asks and not click.confirm("Make it now", default=True, err=True)):
        return
    build_command.main(arguments, prog_name="llamapack build", standalone_mode=False)


def _model(given: str | None, asks: bool) -> tuple[str, Found]:
    """What names it, and what that is."""
    if given is not None:
        return given, _find(given)
    if not asks:
        raise click.UsageError("Name a MODEL, or run this on a terminal, where it asks for one.")

    def check(text: str) -> tuple[str, Found]:
        try:
            return text, _find(text)
        except LlamapackError as error:
            raise SettingError(str(error)) from error

    here = sorted(Path().glob("*.gguf"))
    while True:
        answer = ask_checked(_MODEL, check, str(here[0]) if here else "")
        if answer is not None:
            return answer  # type: ignore[no-any-return]  # what `check` gives


def _find(argument: str) -> Found:
    with TerminalReporter() as reporter:
        return resolve(argument, reporter)


def _answers(given: dict[str, Any], found: Found, asks: bool) -> dict[str, Any]:
    """The wishes by the keys of a preset."""
    wishes: dict[str, Any] = {}
    for name in QUESTIONS:
        value = given[BY_NAME[name].parameter]
        if value not in (None, ()):
            wishes[name] = checked_answer(name, value)
        elif asks:
            usual = plain(found.gguf.header.name) if name == "name" else ""
            wishes[name] = ask(name, usual)
    return {name: value for name, value in wishes.items() if value is not None}


def _output(found: Found, asks: bool) -> Path:
    usual = default_output(found)
    return ask_checked("The file to write", Path, str(usual)) or usual if asks else usual


def _unused(text: str) -> Path:
    path = Path(text)
    if path.exists():
        raise SettingError(f"{plain(text)} exists; name another file.")
    return path


def _flags(wishes: dict[str, Any]) -> list[str]:
    flags: list[str] = []
    for name, value in wishes.items():
        for one in value if isinstance(value, tuple) else (value,):
            flags += [flag_of(BY_NAME[name]), str(one)]
    return flags


def _save(wishes: dict[str, Any], path: Path) -> None:
    """Files are named as they lie from the preset."""
    folder = path.absolute().parent
    shown = {
        name: os.path.relpath(value, folder) if isinstance(value, Path) else value
        for name, value in wishes.items()
    }
    text = f"#:schema {SCHEMA_NAME}\n{preset_text(shown, {})}".encode()
    with new_file(path, len(text), 0o644) as file:
        file.write(text)
