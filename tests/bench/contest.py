"""Everything a row needs to measure: the contenders, how often and how long. No measuring here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.servers import Pack, Program


@dataclass(frozen=True)
class Contest:
    """`python_peer` is the Python server, measured where its one request at a time can be.
    `libraries` holds the native libraries of the pack's own build, for loops without a server."""

    ours: Pack
    peer: Program
    python_peer: Program | None
    model: Path
    libraries: Path | None
    turns: int
    is_quick: bool
    say: Callable[[str], None]

    def size(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full

    def can(self, option: str) -> bool:
        """Whether this pack of ours knows the command line option."""
        return option in self._help

    @cached_property
    def _help(self) -> str:
        return self.ours.printed("--help")
