"""What comes out of a document. Knows nothing of how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FileKind = Literal["text", "pdf", "docx"]
PictureKind = Literal["png", "jpeg"]
# Between the pages of a text.
PAGE_BREAK = "\f"


@dataclass(frozen=True, slots=True)
class Extracted:
    """`text` has its pages joined by form feeds, and holds none where `pages` is None: a text file
    and a .docx have no pages before they are printed."""

    kind: FileKind
    pages: int | None
    text: str

    def __post_init__(self) -> None:
        breaks = self.text.count(PAGE_BREAK)
        assert breaks == (self.pages or 1) - 1, f"{breaks} form feeds in {self.pages} pages"
