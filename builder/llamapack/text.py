"""Sizes, times and foreign text as they may stand on a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def size_text(size_bytes: float) -> str:
    """Decimal units, as file managers and download pages show them: 98.4 MB."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size_bytes /= 1000
        if size_bytes < 999.95:
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / 1000:.2f} TB"


def time_text(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def count_text(count: int) -> str:
    """A number of parameters: 135M, 7.2B."""
    for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= unit:
            value = count / unit
            return f"{value:.1f}{letter}" if value < 10 else f"{value:.0f}{letter}"
    return str(count)


_GPU_NAMES = {"cuda": "CUDA", "vulkan": "Vulkan"}


def gpu_text(backends: Sequence[str] | None) -> str:
    """What a runtime has for graphics processors."""
    return plain(", ".join(_GPU_NAMES.get(name, name) for name in backends or ())) or "none"


def plain(text: str) -> str:
    """Text out of a file without what could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
