"""Every row by its name: a function from a contest to lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.contest import Contest
from bench.figures import Line
from bench.rows import prefix, prompt512, single, stall, streams8

ROWS: Mapping[str, Callable[[Contest], list[Line]]] = {
    "single": single.run,
    "streams8": streams8.run,
    "stall": stall.run,
    "prefix": prefix.run,
    "prompt512": prompt512.run,
}
