"""zig as the compilers that CMake calls: small programs, with the target where it counts."""

from __future__ import annotations

import stat
from pathlib import Path

from llamapack.image.native_systems import native_system
from llamapack.image.tools import Environment
from llamapack.targets.types import Target

_VERBS = {"C_COMPILER": "cc", "CXX_COMPILER": "c++", "AR": "ar", "RANLIB": "ranlib"}

# llama.cpp names an ARM processor for clang, -march=armv8.2-a+dotprod+fp16, and zig refuses that:
# its own name is -mcpu=generic+v8_2a+dotprod+fullfp16.
_ARM_NAMES = r"""for word do
  shift
  case $word in
    -march=armv*) word=$(echo "$word" | sed \
      -e 's/^-march=armv8-a/-mcpu=generic/' \
      -e 's/^-march=armv\([0-9]\)\.\([0-9]\)-a/-mcpu=generic+v\1_\2a/' \
      -e 's/+fp16/+fullfp16/') ;;
  esac
  set -- "$@" "$word"
done
"""


def compiler_options(folder: Path, tools: Environment, target: Target) -> list[str]:
    """CMake's options that name the programs, which are written into `folder`."""
    programs = compiler_programs(folder, tools, target)
    return [f"-DCMAKE_{name}={path}" for name, path in programs.items()]


def compiler_programs(folder: Path, tools: Environment, target: Target) -> dict[str, Path]:
    """Write the programs into `folder`: each by CMake's name of it."""
    verbs = _VERBS | dict(native_system(target).programs)
    return {name: _program(folder / verb, tools, verb, target) for name, verb in verbs.items()}


def compiler_inputs(target: Target) -> tuple[str, ...]:
    """Changes with what the programs do to the compiler's arguments."""
    return (_ARM_NAMES,) if target.machine == "aarch64" else ()


def _program(path: Path, tools: Environment, verb: str, target: Target) -> Path:
    words, before = [*tools.zig, verb], ""
    if verb in ("cc", "c++"):
        words += ["-target", target.library_triple]
        before = "".join(compiler_inputs(target))
    quoted = " ".join(f"'{word}'" for word in words)
    path.write_text(f'#!/bin/sh\n{before}exec {quoted} "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
