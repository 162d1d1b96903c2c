"""The target of the computer that this runs on."""

from __future__ import annotations

import platform
import sys

from llamapack.errors import TargetError

_SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def host_target() -> str:
    """Such as "linux-x86_64". Raises TargetError when images are not made here."""
    machine = platform.machine().lower()
    name = f"{_SYSTEMS.get(sys.platform, sys.platform)}-{_MACHINES.get(machine, machine)}"
    if name != "linux-x86_64" or sys.maxsize <= 2**32:
        raise TargetError(f"Runtime images are made on Linux x86-64 only, for now; this is {name}.")
    return name
