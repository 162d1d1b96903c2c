"""The command line: parses, calls one function a command, and is the only place that prints
errors and decides the exit code."""

from __future__ import annotations

import difflib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from llamapack.errors import LlamapackError
from llamapack.progress import style

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

# name: where the command lives; imported when it is called, so that --help stays quick
COMMANDS = {
    "build": ("llamapack.commands", "build_command"),
    "inspect": ("llamapack.commands", "inspect_command"),
    "verify": ("llamapack.commands", "verify_command"),
    "extract": ("llamapack.commands", "extract_command"),
    "runtime": ("llamapack.image.cli", "runtime_group"),
}
SUMMARIES = {
    "build": "Make a pack out of a GGUF model.",
    "inspect": "Show what a pack holds.",
    "verify": "Check every byte of a pack against its check sums.",
    "extract": "Take the model, or another entry, out of a pack.",
    "runtime": "Make and keep the runtime images that packs are made from.",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is used, and suggests near misses."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module  # only for the command that is used

        module, attribute = COMMANDS[cmd_name]
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), "COMMANDS names commands"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            if name.lower().endswith(".gguf"):
                hint = f" To make a pack: llamapack build {name}"
            raise click.UsageError(f"There is no command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version  # only for --version: reads the installed package

        click.echo(f"llamapack {version('llamapack')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def commands() -> None:
    """Turn a GGUF model into one executable file that chats, offline, on a computer with nothing
    installed.

    \b
    Examples:
      llamapack build SmolLM2.gguf
      llamapack build SmolLM2.gguf -o chat --name "My assistant"
      llamapack verify chat

    \b
    Exit codes: 0 done, 1 could not be done, 2 wrong usage, 130 stopped with Ctrl-C,
    143 ended by another program.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    color = False if os.environ.get("NO_COLOR") else None
    try:
        result = commands.main(
            args=arguments, prog_name="llamapack", standalone_mode=False, color=color
        )
    except click.UsageError as error:
        return _show_usage(error)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except LlamapackError as error:
        return _fail(str(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("Stopped.", EXIT_INTERRUPTED)
    except _Terminated:
        return _fail("Ended by another program.", EXIT_TERMINATED)
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return result if isinstance(result, int) else 0


class _Terminated(BaseException):
    """SIGTERM as an exception, so that unfinished files are removed on the way out."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _fail(message: str, code: int) -> int:
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(style("Error: ", "red") + message, err=True, color=color)
    return code


def _show_usage(error: click.UsageError) -> int:
    command = error.ctx.command_path if error.ctx else "llamapack"
    _fail(error.format_message(), EXIT_USAGE)
    click.echo(f"See '{command} --help'.", err=True)
    return EXIT_USAGE
