"""Takes from this process what reading a document does not need: memory without end, time without
end, files to write, other programs and the network. Knows nothing of documents."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from llamapack_runtime.files.reasons import MOST_CPU_SECONDS, MOST_MEMORY_BYTES

# Of addresses, which count what is reserved and mapped as well: the interpreter alone has 100 MB.
_ADDRESSES = 2 * MOST_MEMORY_BYTES
_FORBIDDEN = (
    *("socket.", "subprocess.", "shutil.", "tempfile.", "urllib.", "ctypes.", "pty.", "os."),
    *("resource.", "webbrowser."),
)
# What importing a module looks at.
_ALLOWED = ("os.listdir", "os.scandir")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


class Forbidden(Exception):  # noqa: N818 - names what is wrong
    """The document's reader tried what reading does not need."""


def confine() -> None:
    """For the rest of this process. The limits are the system's own where it has any; the rest is
    refused by the interpreter, for code that is written in it."""
    if sys.platform != "win32":
        _limit()
    sys.addaudithook(_audit)


if sys.platform != "win32":

    def _limit() -> None:
        import resource  # there is none on Windows

        for kind, most in (
            (resource.RLIMIT_CPU, int(MOST_CPU_SECONDS)),
            (resource.RLIMIT_DATA, MOST_MEMORY_BYTES),
            (resource.RLIMIT_AS, _ADDRESSES),
            (resource.RLIMIT_FSIZE, 0),
        ):
            hard = resource.getrlimit(kind)[1]
            lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
            # At the first limit of time comes a signal that tells why, at the second one the end.
            last = lowest + 1 if kind == resource.RLIMIT_CPU and lowest != hard else lowest
            # macOS has no limit of memory that can be set.
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (lowest, last))


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        is_written = isinstance(flags, int) and flags & _WRITING
        if is_written or (isinstance(mode, str) and set(mode) & set("wax+")):
            raise Forbidden(event)
    elif event.startswith(_FORBIDDEN) and event not in _ALLOWED:
        raise Forbidden(event)
