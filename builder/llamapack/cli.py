"""The command line: parses, calls one function a command, and is the only place that prints
errors and decides the exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click
from click.shell_completion import CompletionItem

from llamapack.errors import LlamapackError
from llamapack.progress import style
from llamapack.suggesting import SuggestingGroup

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

# name: where the command lives; imported when it is called, so that --help stays quick
COMMANDS = {
    "build": ("llamapack.build_command", "build_command"),
    "new": ("llamapack.new.command", "new_command"),
    "doctor": ("llamapack.doctor.command", "doctor_command"),
    "preset": ("llamapack.presets.command", "preset_command"),
    "inspect": ("llamapack.packs.look_commands", "inspect_command"),
    "verify": ("llamapack.packs.look_commands", "verify_command"),
    "extract": ("llamapack.packs.look_commands", "extract_command"),
    "diff": ("llamapack.packs.look_commands", "diff_command"),
    "config": ("llamapack.packs.change_commands", "config_command"),
    "update": ("llamapack.packs.change_commands", "update_command"),
    "sign": ("llamapack.packs.change_commands", "sign_command"),
    "sbom": ("llamapack.packs.look_commands", "sbom_command"),
    "runtime": ("llamapack.image.cli", "runtime_group"),
    "completion": ("llamapack.completing", "completion_command"),
}
SUMMARIES = {
    "build": "Make a pack out of a GGUF model.",
    "new": "Make a pack by answering questions.",
    "doctor": "Look into a model: what it is, how it behaves, what is doubtful.",
    "preset": "Show what a preset can say, or check one.",
    "inspect": "Show what a pack holds.",
    "verify": "Check a pack: whole, unaltered, signed.",
    "extract": "Take the model, or another entry, out of a pack.",
    "diff": "Show in what two packs differ.",
    "config": "Change the presets of a pack in place.",
    "update": "Give a pack the runtime of this llamapack.",
    "sign": "Sign a pack with an Ed25519 key.",
    "sbom": "List what a pack is made of, as CycloneDX.",
    "runtime": "Make and keep the runtime images that packs are made from.",
    "completion": "Let the shell complete commands, options and files.",
}


class LazyGroup(SuggestingGroup):
    """Imports a command's module when the command is used."""

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

    def hint(self, ctx: click.Context, name: str) -> str:
        if name.lower().endswith(".gguf"):
            return f" To make a pack: llamapack build {name}"
        return super().hint(ctx, name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Without importing every command for its summary."""
        named = [
            CompletionItem(name, help=text)
            for name, text in SUMMARIES.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

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
      llamapack new
      llamapack build SmolLM2.gguf
      llamapack build SmolLM2.gguf -o chat --name "My assistant"
      llamapack config chat --set temp=0.3
      ./chat

    Each command explains itself: llamapack build --help

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
