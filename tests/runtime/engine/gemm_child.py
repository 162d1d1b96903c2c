"""Logits at several places of a long text, with the GEMM library or without: a process has one set
of libraries for its whole life.

    python gemm_child.py LIBRARY_FOLDER VARIANT MODEL with|without THREADS OUT

OUT gets float32, places x vocabulary. Prints the seconds of each step."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.bare_context import bare_context

# Tokens of each step; wide ones go to the library, also over a long cache, narrow ones do not.
STEPS = (100, 1, 31, 32, 33, 400, 64, 7)
TEXT = "The river runs past the old mill. " * 300


def main(folder: str, variant: str, model: str, gemm: str, threads: str, out: str) -> None:
    options = {"with_gemm": gemm == "with", "is_plain": True}
    with (
        bare_context(
            Path(folder), variant, Path(model), n_threads=int(threads), n_ctx=2048, **options
        ) as context,
        Path(out).open("wb") as file,
    ):
        text = context.model.tokenize(TEXT, add_special=True, parse_special=False)
        seconds, position = [], 0
        for step in STEPS:
            started = time.perf_counter()
            context.decode(text[position : position + step])
            seconds.append(time.perf_counter() - started)
            context.logits().tofile(file)
            position += step
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
