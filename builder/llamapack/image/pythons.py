"""The Python that is frozen for each target, and whether this computer can start one."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from llamapack.image import portable_python
from llamapack.image.errors import ImageError, MissingPackagesError
from llamapack.image.interpreter import Interpreter
from llamapack.image.portable_python import portable_interpreter
from llamapack.image.steps import Report
from llamapack.image.tools import tool_environment
from llamapack.image.windows_python import python_key, windows_interpreter
from llamapack.targets.host import host_target
from llamapack.targets.table import target_named
from llamapack.targets.types import Target


def can_make(target: Target) -> bool:
    return target.name == host_target() or (
        sys.platform == "linux" and target.system in ("linux", "windows")
    )


def freezing_target(target: Target) -> Target:
    """Whose Python freezes: this computer's for every Linux, where those of others do not run."""
    return target_named(host_target()) if target.system == "linux" else target


def interpreter_for(target: Target, report: Report) -> Interpreter | None:
    """The one that freezes for `target`. None, which is said, where it cannot be had and the
    packer's own is to take its place. ImageError."""
    if target.system == "windows":
        return windows_interpreter(target, report)
    if target.system == "macos":
        return None
    try:
        return portable_interpreter(freezing_target(target), tool_environment(report), report)
    except MissingPackagesError as error:
        if target.name != host_target():
            raise _not_made(target, error) from error
        libc = " ".join(platform.libc_ver())
        report(
            f"The runtime is frozen with this computer's own Python, since {error}: packs will "
            f"start only where the C library is about as new as here ({libc}). On Debian 12 or "
            "newer they are made for older systems too."
        )
        return None


def other_python(target: Target, report: Report) -> Path:
    """The folder of the Python for another processor, which does not run here. ImageError."""
    try:
        return portable_python.portable_python(target, tool_environment(report), report)
    except MissingPackagesError as error:
        raise _not_made(target, error) from error


def _not_made(target: Target, error: MissingPackagesError) -> ImageError:
    return ImageError(
        f"The runtime image for {target.name} cannot be made on this computer, since {error}. Make "
        f"it on Debian 12 or newer with 'llamapack runtime build --target {target.name} -o FILE', "
        "and take it in with 'llamapack runtime add FILE'."
    )


def python_inputs(target: Target, *, is_own: bool) -> str:
    """Changes with the Python that is frozen; `is_own`: it is the packer's."""
    if is_own or target.system == "macos":
        return platform.python_version()
    return python_key() if target.system == "windows" else portable_python.python_inputs(target)
