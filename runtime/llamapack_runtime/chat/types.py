"""A conversation, as every dialect of the API translates it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """`role` is system, developer, user, assistant or tool; a template may know others."""

    role: str
    content: str
    name: str | None = None
