"""The Python that is frozen for each target, and whether this computer can start one."""

from __future__ import annotations

import platform
import sys

from llamapack.image import portable_python
from llamapack.image.errors import MissingPackagesError
from llamapack.image.interpreter import Interpreter
from llamapack.image.portable_python import portable_interpreter
from llamapack.image.steps import Report
from llamapack.image.tools import tool_environment
from llamapack.image.windows_python import python_key, windows_interpreter
from llamapack.targets.host import host_target
from llamapack.targets.types import Target


def can_make(target: Target) -> bool:
    return target.name == host_target() or (target.system == "windows" and sys.platform == "linux")


def interpreter_for(target: Target, report: Report) -> Interpreter | None:
    """The one that freezes for `target`. None, which is said, where it cannot be had and the
    packer's own is to take its place. ImageError."""
    if target.system == "windows":
        return windows_interpreter(target, report)
    if target.system == "macos":
        return None
    try:
        return portable_interpreter(target, tool_environment(report), report)
    except MissingPackagesError as error:
        libc = " ".join(platform.libc_ver())
        report(
            f"The runtime is frozen with this computer's own Python, since {error}: packs will "
            f"start only where the C library is about as new as here ({libc}). On Debian 12 or "
            "newer they are made for older systems too."
        )
        return None


def python_inputs(target: Target, *, is_own: bool) -> str:
    """Changes with the Python that is frozen; `is_own`: it is the packer's."""
    if is_own or target.system == "macos":
        return platform.python_version()
    return python_key() if target.system == "windows" else portable_python.python_inputs(target)
