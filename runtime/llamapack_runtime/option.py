"""One option of the runtime: what it is called, what it takes, and where it may be set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ENVIRONMENT_PREFIX = "LLAMAPACK_"
Kind = Literal["text", "integer", "number", "switch"]
Value = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `name` is the long form without dashes and the key in a pack's settings; `low`
    and `high` bound a number, both included. A list is given several times, or with commas where
    these cannot be part of an item."""

    name: str
    help: str
    kind: Kind = "text"
    other_names: tuple[str, ...] = ()  # as typed, with dashes
    placeholder: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    is_list: bool = False
    has_commas: bool = False  # an item of the list may
    is_packable: bool = True
    group: str = "Serving"

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.replace("-", "_").upper()

    @property
    def forms(self) -> tuple[str, ...]:
        return (*self.other_names, f"--{self.name}")
