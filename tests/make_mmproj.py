"""Writes a tiny projector of random weights, with which libmtmd makes images readable for a model.

    python tests/make_mmproj.py tiny-mmproj.gguf

A vision transformer of one layer over 4 x 4 patches, then what the kind of projector has: "mlp" is
LLaVA's, 16 tokens an image that are read one after another; "gemma3" pools them to 4 that see each
other; "qwen2vl_merger" takes images of any shape, and makes a token of each 28 x 28 pixels for a
model with M-RoPE. What the model sees is noise, but the same noise for the same picture.
"""

from __future__ import annotations

import argparse
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import gguf
import numpy as np

Kind = Literal["mlp", "gemma3", "qwen2vl_merger"]

IMAGE_SIZE, PATCH = 56, 14
N_PATCHES = (IMAGE_SIZE // PATCH) ** 2
N_EMBD, N_FF = 32, 64
# Tokens of one image, as llama.cpp counts them; the smallest of those of any shape.
N_TOKENS: dict[Kind, int] = {"mlp": N_PATCHES, "gemma3": N_PATCHES // 4, "qwen2vl_merger": 8}


def make_mmproj(
    path: Path,
    *,
    n_embd: int = 64,
    kind: Kind = "mlp",
    has_vision: bool = True,
    has_audio: bool = False,
    seed: int = 1,
    changed: Mapping[str, int] | None = None,
) -> Path:
    """Write a projector for a model whose embeddings have `n_embd` numbers; return `path`.
    `changed`: sizes that it says of itself instead of its own. `has_audio` is said alone."""
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_name("Tiny random eye")
    writer.add_bool("clip.has_vision_encoder", has_vision)
    if has_audio:
        writer.add_bool("clip.has_audio_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", True)
    for name, number in {
        "image_size": IMAGE_SIZE,
        "patch_size": PATCH,
        "embedding_length": N_EMBD,
        "feed_forward_length": N_FF,
        "block_count": 1,
        "projection_dim": n_embd,
        "attention.head_count": 2,
        "projector.scale_factor": 2,
    }.items():
        number = (changed or {}).get(name, number)
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    random = np.random.default_rng(seed)
    for name, shape in _shapes(kind, n_embd).items():
        writer.add_tensor(name, random.normal(0, 0.2, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def png(width: int, height: int, seed: int = 0) -> bytes:
    """A picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return png_of(width, height, zlib.compress(rows, 1))


def png_of(width: int, height: int, data: bytes, bits: int = 8) -> bytes:
    """A PNG that says so of itself, with `data` for its pixels."""
    head = struct.pack(">2I5B", width, height, bits, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def _shapes(kind: Kind, n_embd: int) -> dict[str, tuple[int, ...]]:
    """Every tensor with its shape, as numpy counts."""
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (N_EMBD, 3, PATCH, PATCH),
        "v.position_embd.weight": (N_PATCHES, N_EMBD),
        "v.post_ln.weight": (N_EMBD,),
        "v.post_ln.bias": (N_EMBD,),
        "v.blk.0.ffn_up.weight": (N_FF, N_EMBD),
        "v.blk.0.ffn_up.bias": (N_FF,),
        "v.blk.0.ffn_down.weight": (N_EMBD, N_FF),
        "v.blk.0.ffn_down.bias": (N_EMBD,),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        shapes[f"v.blk.0.{part}.weight"] = (N_EMBD, N_EMBD)
        shapes[f"v.blk.0.{part}.bias"] = (N_EMBD,)
    for part in ("ln1", "ln2"):
        shapes[f"v.blk.0.{part}.weight"] = shapes[f"v.blk.0.{part}.bias"] = (N_EMBD,)
    if kind == "mlp":
        shapes |= {"mm.0.weight": (n_embd, N_EMBD), "mm.0.bias": (n_embd,)}
        shapes |= {"mm.2.weight": (n_embd, n_embd), "mm.2.bias": (n_embd,)}
    elif kind == "qwen2vl_merger":
        del shapes["v.position_embd.weight"]
        merged = 4 * N_EMBD
        shapes["v.patch_embd.weight.1"] = shapes["v.patch_embd.weight"]
        shapes |= {"mm.0.weight": (merged, merged), "mm.0.bias": (merged,)}
        shapes |= {"mm.2.weight": (n_embd, merged), "mm.2.bias": (n_embd,)}
    else:
        shapes |= {"mm.input_projection.weight": (N_EMBD, n_embd)}
        shapes |= {"mm.soft_emb_norm.weight": (N_EMBD,)}
    return shapes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("path", type=Path)
    parser.add_argument("--n-embd", type=int, default=64)
    parser.add_argument("--kind", choices=tuple(N_TOKENS), default="mlp")
    arguments = parser.parse_args()
    make_mmproj(arguments.path, n_embd=arguments.n_embd, kind=arguments.kind)
