"""The options of graphics cards, and how their values are read. The names are llama-server's."""

from __future__ import annotations

from llamapack_runtime.errors import UsageError
from llamapack_runtime.option import Option

_MOST_LAYERS = 1 << 16

GPU_OPTIONS = (
    Option(
        "gpu",
        "the graphics card that computes: auto, where a trial shows that it is faster; off; or one "
        "of --list-devices, by its name, without a trial (default: auto)",
        other_names=("-dev", "--device"),
        placeholder="DEVICE",
        group="Speed",
    ),
    Option(
        "gpu-layers",
        "layers of the model on the graphics card: a number, auto for as many as fit, or all "
        "(default: auto)",
        other_names=("-ngl", "--n-gpu-layers"),
        placeholder="N",
        group="Speed",
    ),
)
LIST_DEVICES = Option(
    "list-devices",
    "name the devices that --gpu can choose among",
    "switch",
    is_packable=False,
    group="Instead of serving",
)


def check_gpu_layers(text: str) -> None:
    """UsageError unless it is auto, all or a number; llama-server's -1 is auto."""
    is_number = text.isascii() and text.removeprefix("-").isdigit()
    if text in ("auto", "all") or (is_number and -1 <= int(text) <= _MOST_LAYERS):
        return
    raise UsageError(f"--gpu-layers must be auto, all or a number of layers, not '{text:.80}'.")
