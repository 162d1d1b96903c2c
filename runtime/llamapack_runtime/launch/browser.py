"""Opens the page in the user's browser, where there is a desktop to show it on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping

# The programs that a Linux desktop may have for it, the best first.
_LINUX_OPENERS = (
    ("xdg-open",),
    ("gio", "open"),
    ("sensible-browser",),
    ("x-www-browser",),
    ("firefox",),
    ("google-chrome",),
    ("chromium",),
)
# Openers end when they have told the browser; some are the browser itself.
PATIENCE_S = 3.0
_ORIGINAL_LIBRARY_PATH = "LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH"
_OURS = ("LLAMAPACK_", "_MEIPASS", "_PYI")


def can_open(environment: Mapping[str, str]) -> bool:
    """False over SSH and without a desktop: there, the address is printed instead."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    has_desktop = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    return bool(has_desktop) and _linux_opener(environment) is not None


def open_page(url: str, environment: Mapping[str, str]) -> threading.Thread:
    """Returns at once; the thread ends when the opener has. What the browser does then is not our
    business."""
    thread = threading.Thread(target=_open, args=(url, environment), name="browser", daemon=True)
    thread.start()
    return thread


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """As it was before the frozen program changed it: the browser needs its own libraries."""
    clean = {name: value for name, value in environment.items() if not name.startswith(_OURS)}
    clean.pop("LD_LIBRARY_PATH", None)
    original = environment.get(_ORIGINAL_LIBRARY_PATH)
    return clean if original is None else clean | {"LD_LIBRARY_PATH": original}


def _open(url: str, environment: Mapping[str, str]) -> None:
    if sys.platform == "win32":
        _open_on_windows(url, environment)
        return
    opener = ("/usr/bin/open",) if sys.platform == "darwin" else _linux_opener(environment)
    if opener is None:
        return
    subprocess.run(
        [*opener, url],
        env=child_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in our terminal must not close the browser
        check=False,
    )


if sys.platform == "win32":

    def _open_on_windows(url: str, environment: Mapping[str, str]) -> None:
        """Outside of the job that our launcher put us into: a browser that this starts would end
        with us. Another job around that one may forbid it."""
        command = ["rundll32.exe", "url.dll,FileProtocolHandler", url]
        flags = subprocess.CREATE_BREAKAWAY_FROM_JOB | subprocess.DETACHED_PROCESS
        try:
            subprocess.run(
                command, env=child_environment(environment), creationflags=flags, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            os.startfile(url)  # noqa: S606 - an address that we made


def _linux_opener(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    for name, *arguments in _LINUX_OPENERS:
        program = shutil.which(name, path=environment.get("PATH"))
        if program is not None:
            return (program, *arguments)
    return None
