"""The devices that this process's libraries compute on besides the processor."""

from __future__ import annotations

import ctypes

from llamapack_runtime.engine.errors import LibraryError
from llamapack_runtime.engine.lib import ggml_library


def device_handle(name: str) -> int:
    """The native pointer of the device that ggml calls so, valid as long as the process. For
    `Model.open` alone. LibraryError when there is none."""
    find = ggml_library("ggml").ggml_backend_dev_by_name
    find.argtypes, find.restype = [ctypes.c_char_p], ctypes.c_void_p
    handle = find(name.encode())
    if not handle:
        raise LibraryError(f"The device {name} is not there any more.")
    return int(handle)


def free_device_bytes(name: str) -> int:
    """Memory that is free at this moment, as its driver says. LibraryError as above."""
    ask = ggml_library("ggml-base").ggml_backend_dev_memory
    sizes = ctypes.POINTER(ctypes.c_size_t)
    ask.argtypes, ask.restype = [ctypes.c_void_p, sizes, sizes], None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ask(device_handle(name), ctypes.byref(free), ctypes.byref(total))
    return free.value
