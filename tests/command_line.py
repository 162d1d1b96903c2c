"""What a test of the command line sees of one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The launcher in the runtime image that these tests pack with.
LAUNCHER = b"#!/bin/sh\necho started\nexit 0\n"


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def names(folder: Path | None = None) -> list[str]:
    """What is in a folder, hidden files too; the current one by default."""
    return sorted(path.name for path in (folder or Path()).iterdir())
