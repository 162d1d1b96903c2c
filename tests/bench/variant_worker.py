"""One CPU variant at work: its greedy answers to some of 20 prompts, or its tokens per second.

    python tests/bench/variant_worker.py LIBRARY_FOLDER VARIANT MODEL THREADS [LOGITS_OUT PROMPTS]

Prints one JSON object: speeds, or with LOGITS_OUT the answers to so many PROMPTS. That file gets
the logits after each, float32, prompts x vocabulary.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from array import array
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.bare_context import BareContext, bare_context

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


def answer(context: BareContext, topic: str) -> tuple[list[int], array[float]]:
    """Greedy tokens for one prompt, and the logits after the prompt."""
    context.clear()
    context.decode(context.model.tokenize(prompt(topic), add_special=False, parse_special=True))
    first = values = context.logits()
    answered: list[int] = []
    while len(answered) < ANSWER_TOKENS:
        answered.append(max(range(len(values)), key=values.__getitem__))
        context.decode(answered[-1:])
        values = context.logits()
    return answered, first


def speeds(context: BareContext) -> dict[str, float]:
    """Medians in tokens per second: reading PROMPT_TOKENS at once, and generating."""
    reading, generating = [], []
    for _ in range(REPEATS):
        context.clear()
        started = time.perf_counter()
        context.decode(range(100, 100 + PROMPT_TOKENS))
        reading.append(PROMPT_TOKENS / (time.perf_counter() - started))
        started = time.perf_counter()
        for _ in range(ANSWER_TOKENS):
            context.decode((200,))
        generating.append(ANSWER_TOKENS / (time.perf_counter() - started))
    return {
        "prompt_tokens_per_s": statistics.median(reading),
        "decode_tokens_per_s": statistics.median(generating),
    }


def answers(context: BareContext, out: Path, n_prompts: int) -> list[str]:
    texts = []
    with out.open("wb") as file:
        for topic in TOPICS[:n_prompts]:
            tokens, first = answer(context, topic)
            pieces = b"".join(context.model.piece(token) for token in tokens)
            texts.append(pieces.decode("utf-8", "replace"))
            first.tofile(file)
    return texts


def main(
    folder: str, variant: str, path: str, threads: str, out: str = "", n_prompts: str = "20"
) -> None:
    with bare_context(
        Path(folder), variant, Path(path), n_threads=int(threads), n_ctx=1024
    ) as context:
        found = answers(context, Path(out), int(n_prompts)) if out else speeds(context)
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
