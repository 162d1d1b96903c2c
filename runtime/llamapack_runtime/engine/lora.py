"""LoRA adapters of an open model. Which of them act is the context's matter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from llamapack_runtime.engine.cfile import open_c_file
from llamapack_runtime.engine.errors import ModelError
from llamapack_runtime.engine.lib import captured_errors, library
from llamapack_runtime.engine.model import Model


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """`handle` is the native pointer, for `engine/` only. It belongs to the model, which frees it
    when it is closed."""

    name: str
    handle: Any

    @classmethod
    def open(cls, model: Model, name: str, path: Path, offset: int) -> Self:
        """Read the GGUF at `offset` (bytes) of `path` into memory. It must have passed
        `lora_header.check_lora`: llama.cpp ends the process on some that do not. ModelError."""
        lib = library()
        try:
            with captured_errors() as causes, open_c_file(path, offset) as file:
                handle = lib.llama_adapter_lora_init_from_file_ptr(model.handle, file)
        except OSError as error:
            reason = error.strerror or error
            raise ModelError(f"The adapter '{name}' cannot be read: {reason}.") from error
        if not handle:
            cause = causes[-1].rpartition(": ")[2] if causes else "llama.cpp gave no reason"
            raise ModelError(f"The adapter '{name}' cannot be loaded: {cause}.")
        return cls(name, handle)
