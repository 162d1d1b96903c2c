"""What a model argument turned out to name: a model, and what comes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from llamapack.gguf_files.model import NO_TEMPLATE, GgufModel
from llamapack.text import plain

MAX_LICENSE_CHARS = 100
NO_IMAGES = (
    "The projector {}, which makes images readable for the model, is left out; "
    "to pack it, too, add --mmproj {}"
)


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """A LoRA adapter that the model is to be packed with."""

    name: str
    path: Path
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """`stem` is the model's name as a file, without `.gguf`. `settings` are flag names of the
    runtime without dashes. `license` is the text of the model's licence. `projector` is what would
    make images readable for it. `notes` say what was chosen or left out, `warnings` what may
    surprise whoever gets the pack."""

    gguf: GgufModel
    stem: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    adapters: tuple[AdapterFile, ...] = ()
    projector: Path | None = None
    license: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def all_warnings(self) -> tuple[str, ...]:
        own = self.gguf.warnings
        if "chat-template" in self.settings:
            own = tuple(line for line in own if line != NO_TEMPLATE)
        if self.projector is not None:
            path = plain(str(self.projector))
            own += (NO_IMAGES.format(plain(self.projector.name), path),)
        return (*own, *self.warnings)

    @property
    def has_license(self) -> bool:
        return bool(self.gguf.license or self.license)

    @property
    def license_name(self) -> str | None:
        """What the licence's text begins with, which is mostly its name."""
        lines = (self.license or "").splitlines()
        first = next((line.strip() for line in lines if line.strip()), "")
        return plain(first)[:MAX_LICENSE_CHARS] or None

    def with_projector(self, path: Path | None) -> Self:
        return replace(self, projector=path)
