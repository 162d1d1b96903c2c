"""Looks at a GGUF before it is packed: whether it can be, and what the manifest says of it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.gguf_files.file import read_gguf
from llamapack.gguf_files.split import Parts, is_part, joined, read_parts
from llamapack.text import plain
from llamapack.writing.source import Source, Stretch
from llamapack_runtime.pack import GgufHeader, Kind, model_kind
from llamapack_runtime.pack.format import MODEL_ALIGNMENT

# What `general.type` says of a GGUF that is a part of something, not a model that can chat.
PARTS = {
    "adapter": "a LoRA adapter",
    "mmproj": "an image or sound projector",
    "imatrix": "an importance matrix",
    "vocab": "a vocabulary without weights",
}
MAX_TITLE_CHARS = 200
NO_TEMPLATE = (
    "This model has no chat template, so messages will be written in the ChatML form. "
    "If the answers look wrong, look for a file of this model that has a template."
)


@dataclass(frozen=True, slots=True)
class GgufModel:
    """A GGUF that can be packed: `parts` are its bytes, one after the other. `name` is what
    messages call it, `path` the file that it is in, or the first of several."""

    path: Path
    name: str
    header: GgufHeader
    parts: Parts
    warnings: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the model calls itself, in one line that a page has room for; may be empty."""
        return plain(self.header.name[:MAX_TITLE_CHARS]).strip()

    @property
    def license(self) -> str | None:
        return plain((self.header.license or "")[:MAX_TITLE_CHARS]).strip() or None

    @property
    def kind(self) -> Kind:
        return model_kind(self.header)

    @property
    def size_bytes(self) -> int:
        return self.source("").size

    @property
    def files(self) -> tuple[Path, ...]:
        """All that are read for it."""
        return tuple(dict.fromkeys(part.path for part in self.parts if isinstance(part, Stretch)))

    def source(self, entry: str) -> Source:
        return Source(entry, self.parts, MODEL_ALIGNMENT)


def read_model(path: Path, name: str | None = None) -> GgufModel:
    """The model in the file `path`, or in it and the files beside it when it is one of several.
    Raises ModelError for what is not a whole model."""
    file = read_gguf(path, name, is_part=True)
    header: GgufHeader = file.header
    parts: Parts = (Stretch(path, file.state, 0, file.state.size),)
    if is_part(header):
        files = read_parts(file)
        path, (header, parts) = files[0].path, joined(files)
    _check_whole(header, file.name)
    needs_template = model_kind(header) == "chat" and not header.chat_template
    warnings = (NO_TEMPLATE,) if needs_template else ()
    return GgufModel(path, file.name, header, parts, warnings)


def check_architecture(model: GgufModel, known: Set[str], engine: str) -> None:
    """Raises ModelError when the runtime's llama.cpp cannot run this kind of model."""
    architecture = model.header.architecture
    if architecture not in known:
        raise ModelError(
            f"{model.name} has the architecture '{plain(architecture[:80])}', which "
            f"the llama.cpp in this runtime ({engine}) does not know. "
            "Use a newer llamapack or another model."
        )


def part_type(header: GgufHeader) -> str | None:
    """Which of PARTS it is; None: a model."""
    kind = header.metadata.get("general.type")
    if header.architecture == "clip":
        return "mmproj"
    return kind if isinstance(kind, str) and kind in PARTS else None


def _check_whole(header: GgufHeader, name: str) -> None:
    if not header.architecture:
        raise ModelError(f"{name} does not say which architecture its model has.")
    part = part_type(header)
    if part is not None:
        raise ModelError(
            f"{name} is {PARTS[part]}, not a model that can chat. Name the model's GGUF."
        )
    if not header.tensors:
        raise ModelError(f"{name} holds no weights. Name the GGUF with the model itself.")
