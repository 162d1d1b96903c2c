"""The oldest glibc that a folder of ELF files runs on, from the versions they ask for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_ELF_MAGIC = b"\x7fELF"
# objdump -p prints, under "Version References", lines such as "0x06969194 0x00 03 GLIBC_2.14".
_NEEDED = re.compile(r"^\s+0x[0-9a-f]+ 0x[0-9a-f]+ \d+ GLIBC_(\d+)\.(\d+)", re.MULTILINE)


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ELF_MAGIC


def needed_glibc(path: Path) -> tuple[int, int] | None:
    """The newest GLIBC_x.y version that the file refers to; None when it refers to none."""
    printed = subprocess.run(
        ["objdump", "-p", str(path)],  # noqa: S607  a program of the system, checked for before
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    references = printed.partition("Version References:")[2]
    found = _NEEDED.findall(references)
    return max(((int(major), int(minor)) for major, minor in found), default=None)


def glibc_floor(folder: Path) -> str | None:
    """The floor over every ELF file below `folder`, such as "2.28"; None when there is none."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    versions = [needed_glibc(path) for path in files if is_elf(path)]
    floor = max((version for version in versions if version), default=None)
    return f"{floor[0]}.{floor[1]}" if floor else None
