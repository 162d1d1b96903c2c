"""A tiny llama-shaped GGUF of random weights in the packed model's own quantisation types, so that
the probe runs the very kernels that the real model will run. Knows nothing of ggml.

For the processor one layer of 1024 x 2816 (13 million weights): large enough that arithmetic
outweighs the start of threads, small enough to load in milliseconds. For graphics processors two of
2048 x 8192 (125 million): more than a processor's cache holds, as real models are.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamapack_runtime.ggml_types import TENSOR_TYPES

VOCABULARY = 1024
_ALIGNMENT = 32
_FALLBACK = "Q8_0"


@dataclass(frozen=True, slots=True)
class Shape:
    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int

    @property
    def kv_width(self) -> int:
        return self.embedding // self.heads * self.kv_heads


SMALL = Shape(1, 1024, 2816, 16, 4)
LARGE = Shape(2, 2048, 8192, 32, 8)

# The half floats in a block of each type, as offset and value, chosen such that the weights come
# out near 0.03 and centred on 0, as in a real model; all other bits may have any value. Sources are
# the dequantize_row functions of ggml-quants.c. A type that is not listed is left out.
SCALES: Mapping[str, tuple[tuple[int, float], ...]] = {
    "F32": (),
    "F16": (),
    "BF16": (),
    "Q4_0": ((0, 5e-3),),
    "Q4_1": ((0, 5e-3), (2, -3.75e-2)),
    "Q5_0": ((0, 2.5e-3),),
    "Q5_1": ((0, 2.5e-3), (2, -3.875e-2)),
    "Q8_0": ((0, 4e-4),),
    "Q2_K": ((80, 3e-3), (82, 4.5e-3)),
    "Q3_K": ((108, 5e-4),),
    "Q4_K": ((0, 2e-4), (2, 1.5e-3)),
    "Q5_K": ((0, 1e-4), (2, 1.55e-3)),
    "Q6_K": ((208, 6.2e-5),),
    "IQ1_S": ((0, 5e-3),),
    "IQ2_XXS": ((0, 1e-3),),
    "IQ2_XS": ((0, 1e-3),),
    "IQ2_S": ((0, 1e-3),),
    "IQ3_XXS": ((0, 5e-4),),
    "IQ3_S": ((0, 1e-4),),
    "IQ4_NL": ((0, 5e-4),),
    "IQ4_XS": ((0, 6.2e-5),),
    "TQ1_0": ((52, 3e-2),),
    "TQ2_0": ((64, 3e-2),),
    "MXFP4": (),
}
_PLAIN = {"F32": "<f", "F16": "<e", "BF16": "<f"}
_CODES = {known.name: code for code, known in TENSOR_TYPES.items()}


def known_quantizations(wanted: Sequence[str]) -> tuple[str, ...]:
    """The types to probe with, in the given order: those we can make, without the plain F32 of
    norms and biases unless there is nothing else. Never empty."""
    known = list(dict.fromkeys(name for name in wanted if name in SCALES))
    return tuple([name for name in known if name != "F32"] or known or [_FALLBACK])


def make_sample_model(quantizations: Sequence[str], shape: Shape = SMALL) -> bytes:
    """A whole GGUF file (version 3, no vocabulary). The first type is used for most matrices, the
    next ones for those that llama.cpp's mixtures usually treat apart. The same input gives the
    same bytes."""
    names = known_quantizations(quantizations)
    mixed = [names[index % len(names)] for index in range(4)]
    plan: list[tuple[str, str, tuple[int, ...]]] = [
        ("token_embd.weight", mixed[0], (shape.embedding, VOCABULARY)),
        ("output_norm.weight", "F32", (shape.embedding,)),
        ("output.weight", mixed[1], (shape.embedding, VOCABULARY)),
    ]
    for layer in range(shape.layers):
        plan += [(f"blk.{layer}.{name}", kind, sizes) for name, kind, sizes in _layer(shape, mixed)]
    infos, blobs, offset = b"", [], 0
    for name, kind, sizes in plan:
        data = _padded(_weights(kind, sizes))
        infos += _string(name) + struct.pack("<I", len(sizes))
        infos += struct.pack(f"<{len(sizes)}QIQ", *sizes, _CODES[kind], offset)
        blobs.append(data)
        offset += len(data)
    pairs = _metadata(shape)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(plan), len(pairs))
    return b"".join([_padded(head + b"".join(pairs) + infos), *blobs])


def _layer(shape: Shape, mixed: Sequence[str]) -> list[tuple[str, str, tuple[int, ...]]]:
    width = shape.embedding
    return [
        ("attn_norm.weight", "F32", (width,)),
        ("attn_q.weight", mixed[0], (width, width)),
        ("attn_k.weight", mixed[0], (width, shape.kv_width)),
        ("attn_v.weight", mixed[2], (width, shape.kv_width)),
        ("attn_output.weight", mixed[0], (width, width)),
        ("ffn_norm.weight", "F32", (width,)),
        ("ffn_gate.weight", mixed[0], (width, shape.feed_forward)),
        ("ffn_up.weight", mixed[0], (width, shape.feed_forward)),
        ("ffn_down.weight", mixed[3], (shape.feed_forward, width)),
    ]


def _metadata(shape: Shape) -> list[bytes]:
    numbers = {
        "llama.block_count": shape.layers,
        "llama.context_length": 512,
        "llama.embedding_length": shape.embedding,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.rope.dimension_count": shape.embedding // shape.heads,
        "llama.vocab_size": VOCABULARY,
    }
    strings = {"general.architecture": "llama", "tokenizer.ggml.model": "none"}
    epsilon = _string("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-5)
    return [
        *(_string(key) + struct.pack("<I", 8) + _string(text) for key, text in strings.items()),
        *(_string(key) + struct.pack("<II", 4, number) for key, number in numbers.items()),
        epsilon,
    ]


def _weights(kind: str, shape: tuple[int, ...]) -> bytes:
    """Random blocks; a few hundred distinct ones, repeated, since kernels do not care."""
    block_type = TENSOR_TYPES[_CODES[kind]]
    count = 1
    for length in shape:
        count *= length
    blocks = count // block_type.block_elements
    distinct = min(blocks, 251)
    source = random.Random(kind)  # noqa: S311 - weights, not secrets
    run = b"".join(_block(kind, source) for _ in range(distinct))
    return (run * (blocks // distinct + 1))[: blocks * block_type.block_bytes]


def _block(kind: str, source: random.Random) -> bytes:
    if kind in _PLAIN:
        value = struct.pack(_PLAIN[kind], source.gauss(0, 0.03))
        return value[2:] if kind == "BF16" else value  # the upper half of a 32-bit float
    block = bytearray(source.randbytes(TENSOR_TYPES[_CODES[kind]].block_bytes))
    size = source.uniform(0.8, 1.2)
    for offset, scale in SCALES[kind]:
        struct.pack_into("<e", block, offset, scale * size)
    if kind == "MXFP4":
        block[0] = 120  # the shared exponent, 2 ** (120 - 128)
    return bytes(block)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode("ascii")
