"""The projector of a pack: the GGUF that makes images readable for its model."""

from __future__ import annotations

from pathlib import Path

from llamapack.errors import ModelError
from llamapack.gguf_files.file import read_gguf
from llamapack.gguf_files.model import GgufModel
from llamapack.models import entry_file_name
from llamapack.text import plain
from llamapack.writing.source import Source
from llamapack_runtime.pack import GgufError
from llamapack_runtime.pack.format import MODEL_ALIGNMENT, PROJECTOR_FOLDER
from llamapack_runtime.pack.projector import check_projector


def read_projector(path: Path, model: GgufModel) -> Source:
    """The entry that it becomes. ModelError for what is no projector for this model."""
    file = read_gguf(path)
    if model.kind != "chat":
        raise ModelError(f"{model.name} does not chat, so that it has no use for a projector.")
    try:
        check_projector(file.header, model.header, plain(file.name))
    except GgufError as error:
        raise ModelError(str(error)) from error
    name = PROJECTOR_FOLDER + entry_file_name(path.name.removesuffix(".gguf"))
    return Source.of_file(name, path, file.state, MODEL_ALIGNMENT)
