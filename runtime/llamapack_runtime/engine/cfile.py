"""A `FILE*` from the C runtime that libllama is linked with. No other runtime's will do."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SEEK_SET = 0


def _runtime() -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase.dll", use_errno=True)
    name = "libc.so.6" if sys.platform == "linux" else "/usr/lib/libSystem.B.dylib"
    return ctypes.CDLL(name, use_errno=True)


@contextmanager
def open_c_file(path: Path, offset: int) -> Iterator[ctypes.c_void_p]:
    """A FILE* open for reading with its position at `offset`, closed after the block. OSError."""
    runtime = _runtime()
    handle = _open(runtime, path)
    try:
        _seek(runtime, handle, offset, path)
        yield handle
    finally:
        runtime.fclose.argtypes = [ctypes.c_void_p]
        runtime.fclose(handle)


def _open(runtime: ctypes.CDLL, path: Path) -> ctypes.c_void_p:
    if sys.platform == "win32":
        function = runtime._wfopen
        function.argtypes, arguments = [ctypes.c_wchar_p] * 2, (str(path), "rbN")
    else:
        function = runtime.fopen
        # "e": not inherited by child processes.
        function.argtypes, arguments = [ctypes.c_char_p] * 2, (os.fsencode(path), b"rbe")
    function.restype = ctypes.c_void_p
    handle = function(*arguments)
    if not handle:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
    return ctypes.c_void_p(handle)


def _seek(runtime: ctypes.CDLL, handle: ctypes.c_void_p, offset: int, path: Path) -> None:
    seek = runtime._fseeki64 if sys.platform == "win32" else runtime.fseeko
    seek.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int]
    if seek(handle, offset, _SEEK_SET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))


def interrupt_callback() -> Any:
    """C's `strlen`, to be used as llama.cpp's abort callback on a C string that is the flag.

    llama.cpp asks after every node of the graph, hundreds of times a token. A Python callback
    would take the interpreter's lock each time; strlen("") is 0 (go on), strlen("!") is 1 (stop).
    """
    return _runtime().strlen
