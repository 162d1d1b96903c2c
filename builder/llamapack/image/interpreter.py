"""A Python of a target, and how this computer starts it: itself, or through an emulator.

What freezes the runtime knows only this; what makes such a Python is elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`command` starts it, `variables` are the process environment that it needs besides, and
    `own_path` says how it names a file of this computer. `version` is such as "3.13.5".
    `licenses` are the texts of what it is made of, by the name that each gets in a pack."""

    command: tuple[str, ...]
    version: str
    variables: Mapping[str, str]
    licenses: Mapping[str, Path]
    own_path: Callable[[Path], str] = str

    def environment(self, packages: Path) -> dict[str, str]:
        """Its process environment: nothing of this computer's Python, and `packages` to import."""
        return clean_variables() | {"PYTHONPATH": self.own_path(packages)} | dict(self.variables)


def clean_variables() -> dict[str, str]:
    """This process's environment without what would steer another Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept.pop("VIRTUAL_ENV", None)
    return kept
