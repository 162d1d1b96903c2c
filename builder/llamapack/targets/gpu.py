"""The option --gpu: whether what an image has for graphics processors is packed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, get_args

import click

from llamapack.errors import TargetError
from llamapack.suggesting import SuggestingChoice

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

GpuParts = Literal["auto", "none", "cuda"]
GPU_CHOICES: tuple[GpuParts, ...] = get_args(GpuParts)
CUDA_TARGET = "linux-x86_64"


def parts_of(backends: Sequence[str] | None) -> GpuParts:
    """What a pack was made with, from its manifest: None where there was nothing to choose."""
    if backends is None:
        return "auto"
    return "none" if not backends else "cuda" if "cuda" in backends else "auto"


def check_cuda_target(name: str) -> None:
    if name != CUDA_TARGET:
        raise TargetError(
            f"CUDA is for {CUDA_TARGET} alone, not for {name}; leave out that target, or CUDA."
        )


def gpu_option(decorated: Decorated) -> Decorated:
    """The command gets `gpu`, one of `GPU_CHOICES`."""
    return click.option(
        "--gpu",
        type=SuggestingChoice(GPU_CHOICES),
        default=GPU_CHOICES[0],
        show_default=True,
        help="What is packed for graphics processors: auto, what works with all makers' (Vulkan); "
        "none, a smaller pack that uses the processor alone; cuda, NVIDIA's own library besides, "
        "for Linux on x86-64, in a pack that is 0.5 GB larger.",
    )(decorated)
