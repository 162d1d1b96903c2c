"""What an examination found, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llamapack.doctor.examine import Examination
from llamapack.progress import style
from llamapack.text import count_text, plain, size_text

_MOST_LINES = 40  # of a rendered conversation
_MEMORY_RULE = (
    "In all: weights, cache, buffers, and 100 MB for the program. The cache takes, for a token:\n"
    "layers x (heads of keys x their length + heads of values x their length) x bytes of its type."
)


def examination_lines(examination: Examination) -> Iterator[str]:
    facts = examination.facts
    yield from _rows(facts)
    if "vocabulary" in facts:
        yield from _vocabulary(facts["vocabulary"])
    if facts.get("template") is not None:
        yield from _template(facts["template"])
    if "memory" in facts:
        yield from _memory(facts["memory"])
    yield ""
    for problem in examination.problems:
        yield f"{style('Problem:', 'red')} {problem}"
    for doubt in examination.doubts:
        yield f"{style('Doubtful:', 'yellow')} {doubt}"
    verdict = "It can be packed." if examination.is_packable else "It cannot be packed."
    yield style(verdict, "green" if examination.is_packable else "red")


def _rows(facts: Mapping[str, Any]) -> Iterator[str]:
    shares = [
        f"{share['name']} {size_text(share['size_bytes'])} in {share['tensors']:,}"
        for share in facts["tensor_types"]
    ]
    output, context = facts["output_layer"], facts["context_length"]
    rows = {
        "Model": facts["name"] or "no name",
        "What it does": facts["kind"],
        "Architecture": facts["architecture"],
        "Parameters": count_text(facts["parameter_count"]),
        "Quantization": facts["quantization"],
        "Tensors": ", ".join(shares),
        "Output layer": "none"
        if output is None
        else f"{output['type']}, {output['bits_per_weight']:g} bits for a weight",
        "Context": f"{context:,} tokens" if context else "not stated",
        "Licence": facts["license"] or "not stated",
        "Size": size_text(facts["size_bytes"]),
    }
    for label, value in rows.items():
        yield f"{label + ':':<15}{plain(value)}"


def _vocabulary(vocabulary: Mapping[str, Any]) -> Iterator[str]:
    stops = ", ".join(token["text"] for token in vocabulary["ends"]) or "none"
    bos = vocabulary["bos"]
    begins = "nothing" if bos is None or not vocabulary["adds_bos"] else bos["text"]
    yield f"{'Vocabulary:':<15}{vocabulary['tokens']:,} tokens"
    yield f"{'Stops at:':<15}{plain(stops)}"
    yield f"{'Begins with:':<15}{plain(begins)}"


def _template(template: Mapping[str, Any]) -> Iterator[str]:
    if template["problem"] is not None:
        return
    for rendering in template["renderings"]:
        yield ""
        yield f"The chat template, {plain(rendering['name'])}:"
        text = rendering["text"] if rendering["text"] is not None else rendering["problem"]
        lines = text.split("\n")
        yield from (f"  | {plain(line)}" for line in lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            yield f"  | … and {len(lines) - _MOST_LINES} more lines"


def _memory(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield f"{'Context':>10}  {'Cache type':<10}  {'Cache':>10}  {'Memory in all':>13}"
    for row in rows:
        cache, needed = size_text(row["cache_bytes"]), size_text(row["needed_bytes"])
        yield f"{row['context']:>10,}  {row['cache_type']:<10}  {cache:>10}  {needed:>13}"
    yield _MEMORY_RULE
