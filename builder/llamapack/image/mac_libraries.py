"""llama.cpp's libraries for macOS out of its wheel: one file each, without what only debuggers
read. Runs on a Mac; not tried yet."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from llamapack.image.steps import run

# Of those that nothing here loads; Apple's Accelerate is in the processor's own libraries.
_UNUSED = frozenset(["libllama-common", "libggml-rpc", "libggml-blas"])


def copy_dylibs(source: Path, target: Path) -> None:
    """Fill `target` with the libraries of the folder `source`. StepError."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    names = {path.name for path in source.iterdir()}
    for name in library_files(names):
        shutil.copyfile(source / name, target / name)
    for link, name in library_links(names).items():
        (target / link).symlink_to(name)
    files = (target / name for name in library_files(names))
    run("Stripping the libraries", ["/usr/bin/strip", "-x", *files])


def library_files(names: Collection[str]) -> list[str]:
    """Each library under the name that the others are linked to: `libx.0.dylib` where there is
    one, for `libx.dylib` and `libx.0.1.2.dylib` are copies of it, and a process that loads two of
    them has two registries. What is loaded by its path ends in `.so`, as CMake has it."""
    return [
        name for name in sorted(names) if _base(name) not in _UNUSED and _is_wanted(name, names)
    ]


def library_links(names: Collection[str]) -> dict[str, str]:
    """Under the names that the binding looks for, so that there is one library."""
    files = library_files(names)
    plain = {f"{_base(name)}.dylib": name for name in files if name.endswith(".0.dylib")}
    return {link: name for link, name in plain.items() if link in names}


def _is_wanted(name: str, names: Collection[str]) -> bool:
    base = _base(name)
    ending = name.removeprefix(base)
    has_versions = f"{base}.0.dylib" in names
    return ending in (".so", ".0.dylib" if has_versions else ".dylib")


def _base(name: str) -> str:
    return name.partition(".")[0]
