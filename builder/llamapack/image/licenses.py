"""Licence texts of what is frozen, read from the installed packages themselves."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

# Installed beside the runtime to freeze it; none of their code is shipped. PyInstaller is not
# among them: its bootloader is. llama-cpp-python brings its text with its wheel.
NOT_SHIPPED = (
    "llama_cpp_python",
    "pip",
    "setuptools",
    "wheel",
    "altgraph",
    "packaging",
    "pyinstaller_hooks_contrib",
)


def copy_licenses(packages: Path, further: Mapping[str, Path], folder: Path) -> None:
    """Write one text file per distribution in site-packages `packages`, and the `further` ones by
    their names. Where a distribution brings no licence text, what it says of itself names the
    author and the licence."""
    for info in sorted(packages.glob("*.dist-info")):
        name = info.name.split("-")[0].lower()
        if name in NOT_SHIPPED:
            continue
        texts = [path for path in sorted(info.rglob("*")) if _is_license(path)]
        texts = texts or [info / "METADATA"]
        joined = "\n\n".join(path.read_text(encoding="utf-8", errors="replace") for path in texts)
        (folder / f"{name}.txt").write_text(joined, encoding="utf-8")
    for name, path in further.items():
        shutil.copyfile(path, folder / name)


def _is_license(path: Path) -> bool:
    stem = path.name.upper()
    return path.is_file() and stem.startswith(("LICEN", "COPYING", "NOTICE", "AUTHORS"))
