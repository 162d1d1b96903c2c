"""Looks at a GGUF before it is packed: whether it can be, and what the manifest says of it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from llamapack.copying import FileState
from llamapack.errors import ModelError
from llamapack.text import plain
from llamapack_runtime.pack import GgufError, GgufHeader, Pack, PackError, read_header

# What `general.type` says of a GGUF that is a part of something, not a model that can chat.
PARTS = {
    "adapter": "a LoRA adapter",
    "mmproj": "an image or sound projector",
    "imatrix": "an importance matrix",
    "vocab": "a vocabulary without weights",
}
NO_TEMPLATE = (
    "This model has no chat template, so messages will be written in the ChatML form. "
    "If the answers look wrong, look for a file of this model that has a template."
)


@dataclass(frozen=True, slots=True)
class GgufModel:
    """A GGUF that can be packed. `state` is how the file was when its header was read."""

    path: Path
    state: FileState
    header: GgufHeader
    warnings: tuple[str, ...]


def read_model(path: Path) -> GgufModel:
    """Raises ModelError for a file that is not one whole GGUF of a model."""
    name = plain(path.name)
    try:
        state = FileState.of(path)
        with path.open("rb") as file:
            header = read_header(file, 0, state.size, name)
    except GgufError as error:
        raise ModelError(f"{error}{_pack_hint(path)}") from error
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(path))}: {error.strerror}.") from error
    _check_whole(header, name)
    warnings = () if header.chat_template else (NO_TEMPLATE,)
    return GgufModel(path, state, header, warnings)


def check_architecture(model: GgufModel, known: Set[str], engine: str) -> None:
    """Raises ModelError when the runtime's llama.cpp cannot run this kind of model."""
    architecture = model.header.architecture
    if architecture not in known:
        raise ModelError(
            f"{plain(model.path.name)} has the architecture '{plain(architecture)[:80]}', which "
            f"the llama.cpp in this runtime ({engine}) does not know. "
            "Use a newer llamapack or another model."
        )


def _check_whole(header: GgufHeader, name: str) -> None:
    parts = header.integer("split.count", 1)
    if parts > 1:
        raise ModelError(
            f"{name} is part {header.integer('split.no', 0) + 1} of a model in {parts} parts, and "
            f"all {parts} are needed in one file. Join them with "
            f"'llama-gguf-split --merge FIRST_PART OUTPUT.gguf', then pack the result."
        )
    kind = header.metadata.get("general.type")
    what = PARTS.get(kind) if isinstance(kind, str) else None
    if what is None and header.architecture == "clip":
        what = PARTS["mmproj"]
    if what is not None:
        raise ModelError(f"{name} is {what}, not a model that can chat. Name the model's GGUF.")
    if not header.tensors:
        raise ModelError(f"{name} holds no weights. Name the GGUF with the model itself.")


def _pack_hint(path: Path) -> str:
    """A second sentence for somebody who named a finished pack."""
    try:
        Pack.open(path).close()
    except (PackError, OSError):
        return ""
    return (
        " It is a pack already: start it as it is, or take its model out with "
        f"'llamapack extract {plain(path.name)}'."
    )
