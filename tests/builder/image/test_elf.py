"""The glibc floor is read from what the files ask for, not from where they were built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llamapack.image.elf import glibc_floor, is_elf, spare_weak_versions
from llamapack.image.errors import ImageError
from llamapack.image.tools import tool_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")

# `hardly_new` is in no glibc; a program that asks for it weakly looks before it calls.
_SOURCE = """
__attribute__((weak)) extern int hardly_new(void);
extern int getpid(void);
int answer(void) { return getpid() > 0 && !hardly_new ? 42 : 0; }
"""
_NEW_LIBC = "int hardly_new(void) { return 1; } int getpid(void) { return 1; }"
_NEW_SYMBOLS = "GLIBC_2.2.5 { getpid; };\nGLIBC_9.9 { hardly_new; } GLIBC_2.2.5;\n"


def test_the_running_interpreter_has_a_floor(tmp_path: Path) -> None:
    shutil.copy(Path(sys.executable).resolve(), tmp_path / "python")
    floor = glibc_floor(tmp_path)
    assert floor is not None
    major, minor = floor.split(".")
    assert int(major) == 2
    assert int(minor) >= 2


def test_text_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("GLIBC_2.99")
    assert not is_elf(tmp_path / "a.txt")
    assert glibc_floor(tmp_path) is None


def test_a_cut_file_is_a_sentence(tmp_path: Path) -> None:
    whole = Path(sys.executable).resolve().read_bytes()
    (tmp_path / "program").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="program is a damaged program file"):
        glibc_floor(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_version_that_nothing_depends_on_is_spared(tmp_path: Path, machine: str) -> None:
    library = _library(tmp_path, machine)
    assert glibc_floor(library.parent) == "9.9"
    spare_weak_versions(library.parent)
    assert glibc_floor(library.parent) == "2.2"


@pytest.mark.slow
def test_the_loader_takes_a_spared_file_and_refused_it_before(tmp_path: Path) -> None:
    library = _library(tmp_path, "x86_64")
    script = f"import ctypes; print(ctypes.CDLL({str(library)!r}).answer())"
    command = [sys.executable, "-c", script]
    before = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "`GLIBC_9.9' not found" in before.stderr
    spare_weak_versions(library.parent)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "42\n"


def _library(folder: Path, machine: str) -> Path:
    """A library linked to a C library that is newer than every other; alone in its folder."""
    zig = (*tool_environment(print).zig, "cc", "-target", f"{machine}-linux-gnu.2.28", "-s")
    shared = ("-O1", "-fPIC", "-shared", "-nostdlib")
    for name, text in {"new.c": _NEW_LIBC, "new.map": _NEW_SYMBOLS, "user.c": _SOURCE}.items():
        (folder / name).write_text(text)
    new = ("-fno-builtin", "-Wl,--version-script=new.map", "-Wl,-soname,libc.so.6", "new.c")
    subprocess.run([*zig, *shared, *new, "-o", "libnew.so"], cwd=folder, check=True)
    out = folder / "library" / "libuser.so"
    out.parent.mkdir()
    subprocess.run([*zig, *shared, "user.c", "libnew.so", "-o", out], cwd=folder, check=True)
    return out
