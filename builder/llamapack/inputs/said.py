"""A text and where it stands, for messages about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """`where`: such as "line 3 of Modelfile: TEMPLATE" or "the template of llama3.2:1b"."""

    text: str
    where: str

    @property
    def at_start(self) -> str:
        """`where` as a sentence begins."""
        return self.where[:1].upper() + self.where[1:]
