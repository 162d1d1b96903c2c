"""Whether products of a matrix with many tokens are left to the GEMM library (runtime/gemm), our
ggml backend over OpenBLAS. Pure but for looking whether the file is there.

It takes weights of the types for which ggml's CPU code has no kernel for many tokens, and the cache
of a plain attention. Whether that is faster depends on the processor, so the probe times it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

# Steps of fewer tokens never reach it: LEAST_TOKENS of gemm.cpp.
LEAST_TOKENS = 32
# The name under which the probe speaks of it.
GEMM = "gemm"
# Where no weights are of a type that it takes, times are equal but for noise, and it still is good
# for attention.
_AS_FAST = 0.9


@dataclass(frozen=True, slots=True)
class GemmTrial:
    """`speedup`: how many times as fast as the CPU variant alone; 0 when it died or refused.
    `is_right`: the logits are near that variant's."""

    speedup: float
    is_right: bool = True

    @property
    def is_good(self) -> bool:
        return self.speedup >= _AS_FAST and self.is_right

    @property
    def words(self) -> str:
        """Such as "wide products by OpenBLAS, 2.9 times as fast"."""
        if self.is_good:
            return f"wide products by OpenBLAS, {self.speedup:.1f} times as fast"
        if not self.speedup:
            return "OpenBLAS does not work here"
        return f"OpenBLAS {'is slower here' if self.is_right else 'computed wrong numbers'}"


def gemm_path(library_folder: Path) -> Path | None:
    """Its file, if the image has it."""
    name = "ggml-gemm.dll" if sys.platform == "win32" else "libggml-gemm.so"
    path = library_folder / name
    return path if path.is_file() else None
