"""zig as the compilers that CMake calls: small programs, with the target where it counts."""

from __future__ import annotations

import stat
from pathlib import Path

from llamapack.image.native_systems import NATIVE_SYSTEMS
from llamapack.image.tools import Environment
from llamapack.targets.types import Target

_VERBS = {"C_COMPILER": "cc", "CXX_COMPILER": "c++", "AR": "ar", "RANLIB": "ranlib"}


def compiler_options(folder: Path, tools: Environment, target: Target) -> list[str]:
    """Write the programs into `folder`: CMake's options that name them."""
    verbs = _VERBS | dict(NATIVE_SYSTEMS[target.system].programs)
    return [
        f"-DCMAKE_{name}={_program(folder / verb, tools, verb, target)}"
        for name, verb in verbs.items()
    ]


def _program(path: Path, tools: Environment, verb: str, target: Target) -> Path:
    words = [*tools.zig, verb]
    if verb in ("cc", "c++"):
        words += ["-target", target.library_triple]
    quoted = " ".join(f"'{word}'" for word in words)
    path.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
