from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from llamapack_runtime.engine.cfile import interrupt_callback, open_c_file


def test_the_file_stands_at_the_offset(tmp_path: Path) -> None:
    path = tmp_path / "a file with ünïcode.bin"
    path.write_bytes(b"0123456789")
    with open_c_file(path, 4) as file:
        buffer = ctypes.create_string_buffer(3)
        read = ctypes.CDLL(None).fread
        read.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
        assert read(buffer, 1, 3, file) == 3
    assert buffer.raw == b"456"


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_c_file(tmp_path / "none", 0):
        pass


def test_the_interrupt_callback_reads_the_flag() -> None:
    prototype = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)
    callback = ctypes.cast(interrupt_callback(), prototype)
    flag = (ctypes.c_char * 2)()
    assert callback(ctypes.addressof(flag)) is False
    flag[0] = b"!"
    assert callback(ctypes.addressof(flag)) is True
