"""Turns what goes wrong while a model is loaded into one of the runtime's own errors."""

from __future__ import annotations

import errno

from llamapack_runtime.engine.errors import EngineError, ModelError
from llamapack_runtime.errors import ModelFileUnusable, ModelUnusable, ProgramError
from llamapack_runtime.hardware.errors import MemoryTooSmall

# What llama.cpp and the system say where there is no memory left.
_NO_MEMORY_WORDS = ("cannot allocate memory", "to allocate", "out of memory", "start new thread")
_ADVICE = "Close other programs and try again, or use a smaller model."


def as_problem(error: Exception) -> ProgramError | None:
    """The error as one of ours, None when it is unexpected."""
    if isinstance(error, ProgramError):
        return error
    if _is_about_memory(error):
        words = str(error).rstrip(".") if isinstance(error, EngineError) else ""
        reason = f" ({words})" if words else ""
        return MemoryTooSmall(f"There is not enough free memory for the model{reason}. {_ADVICE}")
    if isinstance(error, ModelError):
        return ModelFileUnusable(str(error))
    if isinstance(error, EngineError):
        return ModelUnusable(str(error))
    return None


def _is_about_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    told = str(error).lower() if isinstance(error, EngineError | RuntimeError) else ""
    return any(words in told for words in _NO_MEMORY_WORDS)
