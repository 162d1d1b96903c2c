"""Whether NVIDIA's driver is there. Loads it, which may crash: for the trial's child alone."""

from __future__ import annotations

import ctypes
import sys


def has_cuda_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
