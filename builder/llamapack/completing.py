"""What shells are told to complete, and the scripts that make them ask: click's own."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from llamapack.suggesting import SuggestingChoice

SHELLS = ("bash", "zsh", "fish")
_PROGRAM, _VARIABLE = "llamapack", "_LLAMAPACK_COMPLETE"


def files(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The shell's own completion of paths, for arguments that may be other things, too."""
    return [CompletionItem(begun, type="file")]


def settings(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of the runtime's settings."""
    from llamapack_runtime.pack.settings import PACKABLE  # only when a shell asks

    return [
        CompletionItem(name, help=option.help)
        for name, option in PACKABLE.items()
        if name.startswith(begun)
    ]


def quantizations(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    from llamapack.quantize import TYPES  # only when a shell asks

    return [CompletionItem(one) for one in TYPES if one.startswith(begun.upper())]


@click.command("completion")
@click.argument("shell", type=SuggestingChoice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell (bash, zsh or fish) complete commands, options and files.

    \b
    Examples:
      echo 'eval "$(llamapack completion bash)"' >> ~/.bashrc
      echo 'eval "$(llamapack completion zsh)"' >> ~/.zshrc
      llamapack completion fish > ~/.config/fish/completions/llamapack.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows all three"
    click.echo(kind(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source())
