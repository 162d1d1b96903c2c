"""The terminal and the log, also where there is none. The only file that writes to them."""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from typing import TextIO

from llamapack_runtime.launch.recent_log import RecentLog

# llama.cpp warns about many harmless things; what matters becomes a sentence of ours.
_TALKATIVE = ("llama.cpp", "uvicorn.error")


def open_standard_streams() -> None:
    """Fill the closed ones of the file descriptors 0, 1 and 2, so that no socket or model file
    gets such a number and is then written to as if it were the terminal."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def use_utf8() -> None:
    """For programs that read what we write: the letters that Windows itself takes for a file or a
    pipe are those of one country."""
    if sys.platform == "win32":
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper) and not stream.isatty():
                # Left out, `errors` would become "strict", and what has no letters an exception.
                stream.reconfigure(encoding="utf-8", errors=stream.errors)


def say(*lines: str) -> None:
    _write(sys.stdout, lines)


def complain(*lines: str) -> None:
    _write(sys.stderr, lines)


def start_log(*, verbose: bool, log_file: str | None, recent: RecentLog) -> None:
    """Warnings and worse to the terminal or to `log_file`, and the last of them to `recent`.
    OSError when the file cannot be written."""
    handler: logging.Handler = logging.NullHandler()
    if log_file is not None:
        handler = logging.FileHandler(log_file, encoding="utf-8")
    elif sys.stderr is not None:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.addHandler(recent)
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO if verbose else logging.ERROR)
        logger.propagate = verbose or log_file is not None
        if not logger.propagate:
            logger.addHandler(recent)


def _write(stream: TextIO | None, lines: tuple[str, ...]) -> None:
    """A terminal that is gone, or cannot show a character, is no reason to stop."""
    if stream is None:
        return
    try:
        encoding = stream.encoding or "utf-8"
        text = "\n".join(lines) + "\n"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except OSError:
        pass
