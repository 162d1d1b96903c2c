"""What other threads ask of the engine's thread. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from llamapack_runtime.engine.types import Emit, Request


@dataclass(frozen=True, slots=True)
class Submit:
    request: Request
    emit: Emit


@dataclass(frozen=True, slots=True)
class Abort:
    request_id: str


@dataclass(frozen=True, slots=True)
class Close:
    pass
