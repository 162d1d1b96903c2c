"""The target of the computer that this runs on."""

from __future__ import annotations

import platform
import sys

from llamapack.errors import TargetError

_SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}
_MAKES_IMAGES = ("linux-x86_64", "macos-arm64", "macos-x86_64")
_MACHINES = {"amd64": "x86_64"}


def host_name() -> str:
    """What this computer would be called in the table, such as "linux-x86_64"."""
    machine = platform.machine().lower()
    word_bits = "" if sys.maxsize > 2**32 else "-32"
    name = _MACHINES.get(machine, machine)
    return f"{_SYSTEMS.get(sys.platform, sys.platform)}-{name}{word_bits}"


def host_target() -> str:
    """The same. Raises TargetError when images are not made here."""
    name = host_name()
    if name not in _MAKES_IMAGES:
        raise TargetError(
            f"Runtime images are made on Linux x86-64 and on macOS, for now; this is {name}."
        )
    return name
