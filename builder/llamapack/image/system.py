"""What must come from the system's package manager: checked first, named, installed as root."""

from __future__ import annotations

import os
import shutil
import sys

from llamapack.image.errors import ImageError, MissingProgramError, StepError
from llamapack.image.steps import Report, run

# program -> Debian package. PyInstaller reads libraries with objdump and strips them with strip;
# make compiles Python.
PROGRAMS = {"objdump": "binutils", "strip": "binutils", "make": "make"}


def require_programs(report: Report) -> None:
    """Make sure every program of PROGRAMS is there, or on macOS Apple's compiler.

    Raises ImageError with the command that installs it; as root on a system with apt-get that
    command is run instead.
    """
    if sys.platform == "darwin":
        _require_apple_tools()
        return
    for program, package in PROGRAMS.items():
        require_program(program, (package,), report)


def require_program(program: str, packages: tuple[str, ...], report: Report) -> None:
    """The same for one program, and what it needs besides."""
    if shutil.which(program):
        return
    named = " ".join(packages)
    if not _can_install():
        raise MissingProgramError(program, named)
    report(f"Installing {named} with apt-get, for {program}")
    run(f"Installing {named}", ["apt-get", "update", "-q"])
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
    run(f"Installing {named}", [*install, *packages])


def _require_apple_tools() -> None:
    """/usr/bin/clang is there on every Mac, and asks for the tools in a window when it is used."""
    try:
        run("Looking for Apple's command line tools", ["/usr/bin/xcode-select", "-p"])
    except (StepError, OSError) as error:
        raise ImageError(
            "Apple's command line tools are needed to make a runtime image and were not found. "
            "Install them with: xcode-select --install"
        ) from error


def _can_install() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None
