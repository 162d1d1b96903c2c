"""How a build tells what it does; `llamapack.progress` has the one for terminals."""

from __future__ import annotations

from typing import Protocol

from llamapack.writing.copying import Advance


class Reporter(Protocol):
    """`start` opens a measured step of that many bytes."""

    def note(self, line: str) -> None: ...
    def warn(self, line: str) -> None: ...
    def start(self, label: str, total_bytes: int) -> Advance: ...
