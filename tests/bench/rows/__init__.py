"""Every row by its name: a function from a contest to lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.contest import Contest
from bench.figures import Line
from bench.rows import (
    busy,
    copying,
    disconnects,
    idle,
    memory,
    prefix,
    prompt512,
    prose,
    restart,
    single,
    stall,
    streams8,
)

ROWS: Mapping[str, Callable[[Contest], list[Line]]] = {
    "single": single.run,
    "streams8": streams8.run,
    "busy": busy.run,
    "stall": stall.run,
    "prefix": prefix.run,
    "restart": restart.run,
    "copying": copying.run,
    "prose": prose.run,
    "prompt512": prompt512.run,
    "memory": memory.run,
    "idle": idle.run,
    "disconnects": disconnects.run,
}
