"""Runs the program as a child of its own and writes the most memory that it took, in KiB, to the
file in the first argument. Ends as the program ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(told: str, *arguments: str) -> None:
    if sys.platform == "win32":
        raise AssertionError("its caller does not run there")
    command = [sys.executable, "-m", "llamapack_runtime", *arguments]
    child = os.posix_spawn(sys.executable, command, os.environ)
    _, status, usage = os.wait4(child, 0)
    Path(told).write_text(str(usage.ru_maxrss), encoding="ascii")
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
