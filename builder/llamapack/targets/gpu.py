"""The option --gpu: whether what an image has for graphics processors is packed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from llamapack.suggesting import SuggestingChoice

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

GPU_CHOICES = ("auto", "none")


def gpu_option(decorated: Decorated) -> Decorated:
    """The command gets `has_gpu`."""
    return click.option(
        "--gpu",
        "has_gpu",
        type=SuggestingChoice(GPU_CHOICES),
        default=GPU_CHOICES[0],
        show_default=True,
        callback=lambda _ctx, _param, choice: choice != "none",
        help="What is packed for graphics processors: auto, all that there is for the target; "
        "none, a smaller pack that uses the processor alone.",
    )(decorated)
