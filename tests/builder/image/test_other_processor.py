"""What was compiled is exchanged for the other processor's; Python's own bytecode stays."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import pytest

from llamapack.image.elf import MACHINES
from llamapack.image.errors import ImageError
from llamapack.image.make import make_image
from llamapack.image.other_processor import exchange_compiled
from llamapack.image.system import PROGRAMS
from llamapack.targets.table import target_named

ARM = target_named("linux-aarch64")
BOOTLOADER = b"a program for ARM"
ARCHIVE = b"bytecode of every module"


def elf(machine: str, content: bytes = b"") -> bytes:
    header = struct.pack("<16sHH", b"\x7fELF\x02\x01", 3, MACHINES[machine])
    return header.ljust(64, b"\0") + content


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As PyInstaller leaves it: objcopy puts the archive into the program, before its headers."""
    size = len(ARCHIVE) + 88
    cookie = struct.pack("!8sIIII64s", b"MEI\014\013\012\013\016", size, 3, 4, 313, b"libpython")
    folder = tmp_path / "tree"
    write(folder / "program", elf("x86_64") + ARCHIVE + cookie + b"section headers")
    inside = folder / "_internal"
    write(inside / "libpython3.13.so.1.0", elf("x86_64"))
    write(inside / "python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so", elf("x86_64"))
    write(inside / "fast/_core.cpython-313-x86_64-linux-gnu.so", elf("x86_64"))
    write(inside / "llama_cpp/lib/libllama.so.0", elf("aarch64", b"ours"))
    write(inside / "web/page.html", b"x86_64")
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """The other processor's Python, and its packages."""
    python, packages = tmp_path / "python", tmp_path / "packages"
    write(python / "lib/libpython3.13.so.1.0", elf("aarch64", b"library"))
    modules = python / "lib/python3.13/lib-dynload"
    write(modules / "_ssl.cpython-313-aarch64-linux-gnu.so", elf("aarch64", b"module"))
    write(packages / "fast/_core.cpython-313-aarch64-linux-gnu.so", elf("aarch64", b"package"))
    write(packages / "PyInstaller/bootloader/Linux-64bit-arm/run", BOOTLOADER)
    return python, packages


def test_each_module_becomes_the_other_processors(tree: Path, parts: tuple[Path, Path]) -> None:
    exchange_compiled(tree, "program", "x86_64", ARM, *parts)
    inside = tree / "_internal"
    found = {
        path.relative_to(inside).as_posix(): path.read_bytes()[64:]
        for path in inside.rglob("*")
        if path.is_file()
    }
    assert found == {
        "libpython3.13.so.1.0": b"library",
        "python3.13/lib-dynload/_ssl.cpython-313-aarch64-linux-gnu.so": b"module",
        "fast/_core.cpython-313-aarch64-linux-gnu.so": b"package",
        "llama_cpp/lib/libllama.so.0": b"ours",
        "web/page.html": b"",
    }


def test_the_program_keeps_its_archive_at_its_end(tree: Path, parts: tuple[Path, Path]) -> None:
    exchange_compiled(tree, "program", "x86_64", ARM, *parts)
    data = (tree / "program").read_bytes()
    assert data.startswith(BOOTLOADER + ARCHIVE + b"MEI")
    assert data.endswith(b"libpython".ljust(64, b"\0"))


def test_a_module_without_a_counterpart_is_named(tree: Path, parts: tuple[Path, Path]) -> None:
    write(tree / "_internal/rare/_only.abi3.so", elf("x86_64"))
    with pytest.raises(ImageError, match=r"rare/_only\.abi3\.so.*for Linux on 64-bit ARM"):
        exchange_compiled(tree, "program", "x86_64", ARM, *parts)


@pytest.mark.slow
@pytest.mark.skipif("LLAMAPACK_TEST_IMAGE" not in os.environ, reason="`make test` sets it")
def test_without_debians_archive_it_is_refused_before_anything_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, programs = tmp_path / "cache", tmp_path / "bin"
    made = Path(os.environ["LLAMAPACK_TEST_IMAGE"]).parent.parent
    cache.mkdir()
    (cache / "environments").symlink_to(made / "environments")
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(cache))
    monkeypatch.setenv("PATH", str(programs))
    lines: list[str] = []
    with pytest.raises(ImageError, match=r"no apt-get on this computer\. .*--target linux-aarch64"):
        make_image("linux-aarch64", lines.append)
    assert lines == []
