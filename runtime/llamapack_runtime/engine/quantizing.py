"""Makes a smaller GGUF out of a larger one with llama.cpp's own quantizer, in memory that does not
grow with the model."""

from __future__ import annotations

import ctypes
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llamapack_runtime.engine.errors import ModelError
from llamapack_runtime.engine.lib import captured_errors, library
from llamapack_runtime.ggml_types import FILE_TYPES

# Rows of a tensor that are converted at once; llama.cpp's own bound is 8 GiB.
_BUFFER_BYTES = 64 << 20
# What llama.cpp logs (src/llama-quant.cpp), which is the only way to know how far it is.
_TENSOR = re.compile(r"\[\s*(\d+)/\s*(\d+)\]")
_SIZE = re.compile(r"quant size\s*=\s*([\d.]+) MiB")
NUMBERS = {name: number for number, name in FILE_TYPES.items()}


def quantized_bytes(source: Path, file_type: str) -> int:
    """About how many the tensors will have, some kB more or less. ModelError when `source` cannot
    become that."""
    found: list[float] = []

    def note(line: str) -> None:
        match = _SIZE.search(line)
        if match is not None:
            found.append(float(match[1]))

    _run(source, None, file_type, note)
    if not found:
        raise ModelError(f"llama.cpp does not say how large {source.name} will be as {file_type}.")
    return int(found[-1] * (1 << 20))


def quantize(
    source: Path, target: Path, file_type: str, on_tensor: Callable[[int, int], None]
) -> None:
    """Write `target`; `on_tensor` gets the number of the tensor that is begun, and of all."""

    def note(line: str) -> None:
        match = _TENSOR.match(line.lstrip())
        if match is not None:
            on_tensor(int(match[1]), int(match[2]))

    _run(source, target, file_type, note)


def _run(source: Path, target: Path | None, file_type: str, note: Callable[[str], None]) -> None:
    """Without a `target` nothing is written."""
    lib = library()
    with captured_errors() as causes, _log_lines(note):
        failed = lib.llama_model_quantize(
            os.fsencode(source),
            os.fsencode(target or source.with_name("nothing.gguf")),
            ctypes.byref(_parameters(lib, file_type, is_trial=target is None)),
        )
    if failed:
        raise ModelError(f"{source.name} cannot become {file_type}: {_cause(causes)}.")


def _parameters(lib: Any, file_type: str, *, is_trial: bool) -> Any:
    parameters = lib.llama_model_quantize_default_params()
    parameters.ftype = NUMBERS[file_type]
    parameters.nthread = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    parameters.allow_requantize = True
    parameters.max_buf_size = _BUFFER_BYTES
    parameters.dry_run = is_trial
    return parameters


@contextmanager
def _log_lines(note: Callable[[str], None]) -> Iterator[None]:
    """What llama.cpp logs inside the block."""
    logger = logging.getLogger("llama.cpp")
    handler = _Lines(note)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Lines(logging.Handler):
    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(record.getMessage())


def _cause(causes: list[str]) -> str:
    """The last of llama.cpp's error lines, without the function names before it."""
    told = [line for line in causes if line.strip(" =\n")]
    if not told:
        return "llama.cpp gave no reason"
    cause = told[-1].rpartition("failed to quantize: ")[2].strip().rstrip(".!")
    # C++ says no more of a file that cannot be written.
    return "the result cannot be written" if "iostream_category" in cause else cause
