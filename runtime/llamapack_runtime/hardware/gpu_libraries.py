"""The libraries in a folder that compute on graphics processors. Knows nothing of which work."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# ggml's name of a backend, and people's. Makers' own ones come before the one for all.
LABELS: Mapping[str, str] = {"cuda": "CUDA", "metal": "Metal", "vulkan": "Vulkan"}
# By this variable ggml's Vulkan backend is told the numbers of the devices that it shall see. Of
# itself it sees no software devices.
VULKAN_DEVICES = "GGML_VK_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class GpuLibrary:
    """`kind` is a key of `LABELS`."""

    kind: str
    path: Path

    @property
    def label(self) -> str:
        return LABELS[self.kind]


def list_gpu_libraries(library_folder: Path) -> tuple[GpuLibrary, ...]:
    """Those that are there, in the order in which they should be tried."""
    pattern = "ggml-{}.dll" if sys.platform == "win32" else "libggml-{}.so"
    found = (GpuLibrary(kind, library_folder / pattern.format(kind)) for kind in LABELS)
    return tuple(library for library in found if library.path.is_file())
