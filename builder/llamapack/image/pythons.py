"""The Python that is frozen for each target, and whether this computer can start one."""

from __future__ import annotations

import sys
from pathlib import Path

from llamapack.image.host_python import host_interpreter
from llamapack.image.interpreter import Interpreter
from llamapack.image.steps import Report
from llamapack.image.windows_python import python_key, windows_interpreter
from llamapack.targets.host import host_target
from llamapack.targets.types import Target


def can_make(target: Target) -> bool:
    return target.name == host_target() or (target.system == "windows" and sys.platform == "linux")


def interpreter_for(target: Target, work: Path, report: Report) -> Interpreter:
    """`work` is a place for one that is made for this image alone. ImageError."""
    if target.system == "windows":
        return windows_interpreter(target, report)
    return host_interpreter(work)


def python_inputs(target: Target) -> str:
    """Changes with the Python of a target that is not the packer's own."""
    return python_key() if target.system == "windows" else ""
