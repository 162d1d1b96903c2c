"""The tokens that mark the parts of a text with a gap to fill (fill-in-the-middle). Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InfillTokens:
    """None where the vocabulary has none. `bos`: what it puts before every prompt. `repository`
    and `file` open the name of a repository and of a file."""

    bos: int | None = None
    prefix: int | None = None
    suffix: int | None = None
    middle: int | None = None
    pad: int | None = None
    repository: int | None = None
    file: int | None = None
