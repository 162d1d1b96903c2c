"""`--preset FILE`: what it says stands where no flag is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from llamapack.presets.reader import Preset, read_preset

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def preset_option(decorated: Decorated) -> Decorated:
    """The command gets `preset`, a Preset or None; its flags have the preset's values by
    themselves."""
    return click.option(
        "--preset",
        type=click.Path(path_type=Path),
        is_eager=True,
        callback=_use,
        help="A TOML file that says any of this, and the runtime's settings; flags win over it. "
        "'llamapack preset' shows all that it may say.",
    )(decorated)


def is_given(parameter: str) -> bool:
    """Whether the command line itself has it, not the preset."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.COMMANDLINE


def _use(ctx: click.Context, _param: click.Parameter, path: Path | None) -> Preset | None:
    if path is None or ctx.resilient_parsing:
        return None
    preset = read_preset(path)
    ctx.default_map = {**(ctx.default_map or {}), **preset.parameters}
    return preset
