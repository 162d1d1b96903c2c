"""One CPU variant at work: its greedy answers to 20 prompts, or its tokens per second.

    python tests/bench/variant_worker.py LIBRARY_FOLDER VARIANT MODEL THREADS [LOGITS_OUT]

Prints one JSON object: speeds, or with LOGITS_OUT the answers. That file gets the logits after
each prompt, float32, prompts x vocabulary.
"""

from __future__ import annotations

import ctypes
import json
import statistics
import sys
import time
from array import array
from pathlib import Path

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.lib import library, load_library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.step import Chunk, Remove

TOPICS = (
    *("France", "rain", "the moon", "bread", "a bicycle", "the sea", "gold", "winter", "music"),
    *("a library", "tea", "the heart", "a bridge", "sleep", "wood", "a clock", "salt", "birds"),
    *("a map", "money"),
)
ANSWER_TOKENS = 16
PROMPT_TOKENS = 512
REPEATS = 5


def prompt(topic: str) -> str:
    return f"<|im_start|>user\nTell me about {topic}.<|im_end|>\n<|im_start|>assistant\n"


def step(context: Context, tokens: tuple[int, ...], start: int) -> int:
    """Decode and return the row that has logits."""
    outcome = context.decode([Chunk("bench", 0, start, tokens, n_logits=1)])
    assert outcome == "ok", outcome
    return len(tokens) - 1


def logits(context: Context, row: int, n_vocab: int) -> array[float]:
    pointer = library().llama_get_logits_ith(context.handle, row)
    values = array("f")
    values.frombytes(ctypes.string_at(pointer, 4 * n_vocab))
    return values


def answer(model: Model, context: Context, topic: str) -> tuple[list[int], array[float]]:
    """Greedy tokens for one prompt, and the logits after the prompt."""
    tokens = model.tokenize(prompt(topic), add_special=False, parse_special=True)
    first = values = logits(context, step(context, tokens, 0), model.n_vocab)
    answered: list[int] = []
    while len(answered) < ANSWER_TOKENS:
        token = max(range(model.n_vocab), key=values.__getitem__)
        answered.append(token)
        values = logits(
            context, step(context, (token,), len(tokens) + len(answered) - 1), model.n_vocab
        )
    context.perform(Remove(0))
    return answered, first


def speeds(context: Context) -> dict[str, float]:
    """Medians in tokens per second: reading PROMPT_TOKENS at once, and generating."""
    reading, generating = [], []
    for _ in range(REPEATS):
        started = time.perf_counter()
        step(context, tuple(range(100, 100 + PROMPT_TOKENS)), 0)
        reading.append(PROMPT_TOKENS / (time.perf_counter() - started))
        started = time.perf_counter()
        for position in range(PROMPT_TOKENS, PROMPT_TOKENS + ANSWER_TOKENS):
            step(context, (200,), position)
        generating.append(ANSWER_TOKENS / (time.perf_counter() - started))
        context.perform(Remove(0))
    return {
        "prompt_tokens_per_s": statistics.median(reading),
        "decode_tokens_per_s": statistics.median(generating),
    }


def answers(model: Model, context: Context, out: Path) -> list[str]:
    texts = []
    with out.open("wb") as file:
        for topic in TOPICS:
            tokens, first = answer(model, context, topic)
            texts.append(model_text(model, tokens))
            first.tofile(file)
    return texts


def main(folder: str, variant: str, path: str, threads: str, out: str | None = None) -> None:
    library_folder = Path(folder)
    load_library(library_folder, library_folder / f"libggml-cpu-{variant}.so")
    with (
        Model.open(Path(path), 0, Path(path).stat().st_size) as model,
        Context(
            model,
            n_ctx=1024,
            n_seq_max=1,
            n_batch=512,
            n_ubatch=512,
            n_threads=int(threads),
            n_threads_batch=int(threads),
        ) as context,
    ):
        if out is None:
            print(json.dumps(speeds(context)))
        else:
            print(json.dumps(answers(model, context, Path(out))))


def model_text(model: Model, tokens: list[int]) -> str:
    return b"".join(model.piece(token) for token in tokens).decode("utf-8", "replace")


if __name__ == "__main__":
    main(*sys.argv[1:])
