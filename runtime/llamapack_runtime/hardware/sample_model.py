"""A tiny llama-shaped GGUF of random weights in the packed model's own quantisation types, so that
the probe runs the very kernels that the real model will run. Knows nothing of ggml.

One layer of 1024 x 2816 (13 million weights): large enough that arithmetic outweighs the start of
threads, small enough to load in milliseconds.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

VOCABULARY = 1024
_EMBEDDING, _FEED_FORWARD, _HEADS, _KV_HEADS = 1024, 2816, 16, 4
_KV_WIDTH = _EMBEDDING // _HEADS * _KV_HEADS
_ALIGNMENT = 32
_FALLBACK = "Q8_0"


@dataclass(frozen=True, slots=True)
class _BlockType:
    """`code` is ggml's type number. A block holds `weights` weights in `size_bytes` bytes, of which
    the half floats at `scales` must be ordinary numbers; all other bits may have any value."""

    code: int
    weights: int
    size_bytes: int
    scales: tuple[int, ...] = ()


# ggml/include/ggml.h (enum ggml_type) and ggml/src/ggml-common.h (the block structs).
_TYPES = {
    "F32": _BlockType(0, 1, 4),
    "F16": _BlockType(1, 1, 2, (0,)),
    "Q4_0": _BlockType(2, 32, 18, (0,)),
    "Q4_1": _BlockType(3, 32, 20, (0, 2)),
    "Q5_0": _BlockType(6, 32, 22, (0,)),
    "Q5_1": _BlockType(7, 32, 24, (0, 2)),
    "Q8_0": _BlockType(8, 32, 34, (0,)),
    "Q2_K": _BlockType(10, 256, 84, (80, 82)),
    "Q3_K": _BlockType(11, 256, 110, (108,)),
    "Q4_K": _BlockType(12, 256, 144, (0, 2)),
    "Q5_K": _BlockType(13, 256, 176, (0, 2)),
    "Q6_K": _BlockType(14, 256, 210, (208,)),
    "IQ2_XXS": _BlockType(16, 256, 66, (0,)),
    "IQ2_XS": _BlockType(17, 256, 74, (0,)),
    "IQ3_XXS": _BlockType(18, 256, 98, (0,)),
    "IQ1_S": _BlockType(19, 256, 50, (0,)),
    "IQ4_NL": _BlockType(20, 32, 18, (0,)),
    "IQ3_S": _BlockType(21, 256, 110, (0,)),
    "IQ2_S": _BlockType(22, 256, 82, (0,)),
    "IQ4_XS": _BlockType(23, 256, 136, (0,)),
    "BF16": _BlockType(30, 1, 2),
    "TQ1_0": _BlockType(34, 256, 54, (52,)),
    "TQ2_0": _BlockType(35, 256, 66, (64,)),
    "MXFP4": _BlockType(39, 32, 17),
}


def known_quantizations(wanted: Sequence[str]) -> tuple[str, ...]:
    """The types to probe with, in the given order: those we can make, without the plain F32 of
    norms and biases unless there is nothing else. Never empty."""
    known = list(dict.fromkeys(name for name in wanted if name in _TYPES))
    return tuple([name for name in known if name != "F32"] or known or [_FALLBACK])


def make_sample_model(quantizations: Sequence[str]) -> bytes:
    """A whole GGUF file (version 3, no vocabulary). The first type is used for most matrices, the
    next ones for those that llama.cpp's mixtures usually treat apart. The same input gives the
    same bytes."""
    names = known_quantizations(quantizations)
    mixed = [names[index % len(names)] for index in range(4)]
    plan: list[tuple[str, str, tuple[int, ...]]] = [
        ("token_embd.weight", mixed[0], (_EMBEDDING, VOCABULARY)),
        ("output_norm.weight", "F32", (_EMBEDDING,)),
        ("output.weight", mixed[1], (_EMBEDDING, VOCABULARY)),
        ("blk.0.attn_norm.weight", "F32", (_EMBEDDING,)),
        ("blk.0.attn_q.weight", mixed[0], (_EMBEDDING, _EMBEDDING)),
        ("blk.0.attn_k.weight", mixed[0], (_EMBEDDING, _KV_WIDTH)),
        ("blk.0.attn_v.weight", mixed[2], (_EMBEDDING, _KV_WIDTH)),
        ("blk.0.attn_output.weight", mixed[0], (_EMBEDDING, _EMBEDDING)),
        ("blk.0.ffn_norm.weight", "F32", (_EMBEDDING,)),
        ("blk.0.ffn_gate.weight", mixed[0], (_EMBEDDING, _FEED_FORWARD)),
        ("blk.0.ffn_up.weight", mixed[0], (_EMBEDDING, _FEED_FORWARD)),
        ("blk.0.ffn_down.weight", mixed[3], (_FEED_FORWARD, _EMBEDDING)),
    ]
    infos, blobs, offset = b"", [], 0
    for name, kind, shape in plan:
        data = _padded(_weights(kind, shape))
        infos += _string(name) + struct.pack("<I", len(shape))
        infos += struct.pack(f"<{len(shape)}QIQ", *shape, _TYPES[kind].code, offset)
        blobs.append(data)
        offset += len(data)
    pairs = _metadata()
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(plan), len(pairs))
    return b"".join([_padded(head + b"".join(pairs) + infos), *blobs])


def _metadata() -> list[bytes]:
    numbers = {
        "llama.block_count": 1,
        "llama.context_length": 512,
        "llama.embedding_length": _EMBEDDING,
        "llama.feed_forward_length": _FEED_FORWARD,
        "llama.attention.head_count": _HEADS,
        "llama.attention.head_count_kv": _KV_HEADS,
        "llama.rope.dimension_count": _EMBEDDING // _HEADS,
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
    block_type = _TYPES[kind]
    count = 1
    for length in shape:
        count *= length
    blocks = count // block_type.weights
    distinct = min(blocks, 251)
    source = random.Random(kind)  # noqa: S311 - weights, not secrets
    run = b"".join(_block(kind, block_type, source) for _ in range(distinct))
    return (run * (blocks // distinct + 1))[: blocks * block_type.size_bytes]


def _block(kind: str, block_type: _BlockType, source: random.Random) -> bytes:
    if kind == "F32":
        return struct.pack("<f", source.uniform(0.5, 1.5))
    if kind == "BF16":
        return struct.pack("<f", source.uniform(-0.05, 0.05))[2:]
    block = bytearray(source.randbytes(block_type.size_bytes))
    for offset in block_type.scales:
        struct.pack_into("<e", block, offset, source.uniform(0.001, 0.01))
    if kind == "MXFP4":
        block[0] = 120  # the shared exponent, 2 ** (120 - 128)
    return bytes(block)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode("ascii")
