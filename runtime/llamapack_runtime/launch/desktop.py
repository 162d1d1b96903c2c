"""Whether somebody started this program by double-click: nobody reads a terminal, and nothing else
waits for it. What is in doubt counts as no."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_DESCRIPTORS = (0, 1, 2)
_CGROUP = Path("/proc/self/cgroup")


def is_double_click(environment: Mapping[str, str], cgroup: Path = _CGROUP) -> bool:
    """A file manager gives a program no terminal, also not one that its session would have. `nohup`
    and a service manager neither: a program that they keep must not end by itself."""
    is_kept = _is_service(environment, cgroup) or _is_agent(environment)
    return not (has_terminal() or _outlives_its_terminal() or is_kept)


def has_terminal() -> bool:
    return _has_terminal_stream() or _has_controlling_terminal()


if sys.platform == "win32":

    def _has_terminal_stream() -> bool:
        """`isatty` is true there for what leads nowhere, too."""
        return False

    def _has_controlling_terminal() -> bool:
        """A console of ours, which a double-click gives none of."""
        import ctypes  # slow to import, and only for this call

        return bool(ctypes.windll.kernel32.GetConsoleCP() != 0)

    def _outlives_its_terminal() -> bool:
        return False

else:

    def _has_terminal_stream() -> bool:
        return any(map(os.isatty, _DESCRIPTORS))

    def _has_controlling_terminal() -> bool:
        """A script's, whose input and output lead elsewhere."""
        try:
            os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        except OSError:
            return False
        return True

    def _outlives_its_terminal() -> bool:
        """As `nohup` has it."""
        return signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def _is_service(environment: Mapping[str, str], cgroup: Path) -> bool:
    """systemd tells the processes that it starts their number. Some desktops have it start what is
    double-clicked, too, in units whose names begin with "app-"."""
    if environment.get("SYSTEMD_EXEC_PID") != str(os.getpid()):
        return False
    try:
        units = cgroup.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return True
    return not any(unit.rpartition("/")[2].startswith("app-") for unit in units)


def _is_agent(environment: Mapping[str, str]) -> bool:
    """launchd of macOS tells what it starts its name: "application.…" for apps that are
    double-clicked, a label for services; shells in a terminal have "0"."""
    name = environment.get("XPC_SERVICE_NAME", "0")
    return name != "0" and not name.startswith("application.")
