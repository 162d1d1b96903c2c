"""A runtime that was frozen for this computer's processor becomes one for another.

Python's own bytecode is the same everywhere, so that only what is compiled is exchanged: each
module for the same one of the other processor's Python or packages, and PyInstaller's program for
that processor's, with the archive that was behind it. Nothing has to run in an emulator.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from llamapack.image.elf import MACHINES, elf_files, machine_of
from llamapack.image.errors import ImageError
from llamapack.targets.types import Target

# What PyInstaller's archive ends with: magic, size of the archive, where its contents are listed,
# the size of that, Python's version, its library.
_COOKIE = struct.Struct("!8sIIII64s")
_MAGIC = b"MEI\014\013\012\013\016"
_BOOTLOADERS = {"aarch64": "PyInstaller/bootloader/Linux-64bit-arm/run"}


def exchange_compiled(
    tree: Path, program: str, made_here: str, target: Target, python: Path, packages: Path
) -> None:
    """Change the frozen `tree`, whose `program` starts it, from the processor `made_here` to that
    of `target`, whose Python and packages are in the other two folders. What is for that processor
    already stays. ImageError when something compiled has no counterpart."""
    _exchange_program(tree / program, packages / _BOOTLOADERS[target.machine])
    modules = next((python / "lib").glob("python3*/lib-dynload"))
    for path in list(elf_files(tree)):
        if machine_of(path) == MACHINES[target.machine]:
            continue
        name = path.name.replace(made_here, target.machine)
        inside = path.relative_to(tree / "_internal").parent
        places = (packages / inside / name, modules / name, python / "lib" / name)
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise ImageError(
                f"The frozen runtime has {inside / path.name}, and neither Python nor its package "
                f"has {name} for {target.title}. Exclude it where the runtime is frozen."
            )
        path.unlink()
        shutil.copyfile(found, path.with_name(name))


def _exchange_program(program: Path, bootloader: Path) -> None:
    data = program.read_bytes()
    at = data.rfind(_MAGIC)
    assert at >= 0, "PyInstaller's program has an archive"
    _, size, *_ = _COOKIE.unpack_from(data, at)
    end = at + _COOKIE.size
    program.write_bytes(bootloader.read_bytes() + data[end - size : end])
