"""The process that quantizes a model for the program that makes packs: it says `size BYTES` before
it writes anything, then `tensor NUMBER OF_ALL` as it goes on; or the size alone. Serves nobody."""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.lib import load_library
from llamapack_runtime.engine.quantizing import NUMBERS, quantize, quantized_bytes
from llamapack_runtime.errors import ModelUnusable, ProgramError, UsageError
from llamapack_runtime.launch import console
from llamapack_runtime.paths import find_paths


def run_quantizer(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """`arguments`: the GGUF, the file to write, and the type, such as Q4_K_M; without the file only
    the size is said. The exit code."""
    # Native code works for minutes without coming back to Python: signals end it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.getLogger("llama.cpp").propagate = False
    try:
        _quantize(arguments, environment)
    except ProgramError as error:
        console.complain(str(error))
        return error.exit_code
    return 0


def _quantize(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    if len(arguments) not in (2, 3) or arguments[-1] not in NUMBERS:
        raise UsageError("What is needed: a model, the file to write, and a type such as Q4_K_M.")
    source, *targets = map(Path, arguments[:-1])
    file_type = arguments[-1]
    load_library(find_paths(environment).libraries, None)
    try:
        console.say(f"size {quantized_bytes(source, file_type)}")
        for target in targets:
            quantize(source, target, file_type, _say_tensor)
    except EngineError as error:
        raise ModelUnusable(str(error)) from error


def _say_tensor(number: int, of_all: int) -> None:
    console.say(f"tensor {number} {of_all}")
