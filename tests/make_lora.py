"""Writes LoRA adapters whose effect is known, for models whose tensors are known.

python tests/make_lora.py model.gguf adapter.gguf --token 1234
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from llamapack_runtime.gguf_header import GgufHeader, TensorInfo, read_header

Matrix = NDArray[Any]
# A, of shape (rank, inputs), and B, of shape (outputs, rank): the weights change by B @ A.
Pair = tuple[Matrix, Matrix]


def make_lora(
    path: Path,
    pairs: Mapping[str, Pair],
    *,
    architecture: str = "llama",
    alpha: float | None = None,
    kind: str = "lora",
    as_floats: bool = True,
) -> Path:
    """`pairs` by the names of the model's tensors, such as blk.0.ffn_down.weight."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string("adapter.type", kind)
    if alpha is not None:
        writer.add_float32("adapter.lora.alpha", alpha)
    for name, (a, b) in pairs.items():
        for part, weight in (("lora_a", a), ("lora_b", b)):
            kind_of = np.float32 if as_floats else weight.dtype
            writer.add_tensor(f"{name}.{part}", np.ascontiguousarray(weight, kind_of))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def weights(model: Path, name: str) -> Matrix:
    """A tensor of a model, as numbers of 32 bits, rows first."""
    header, tensor = found_tensor(model, name)
    offset = header.data_offset + tensor.offset
    data = np.fromfile(model, np.uint8, tensor.size_bytes, offset=offset)
    kind = gguf.GGMLQuantizationType(tensor.type)
    rows = data.reshape(*tensor.shape[:0:-1], -1)
    return gguf.quants.dequantize(rows, kind).astype(np.float32)


def found_tensor(model: Path, name: str) -> tuple[GgufHeader, TensorInfo]:
    with model.open("rb") as file:
        header = read_header(file, 0, model.stat().st_size, model.name)
    return header, next(one for one in header.tensors if one.name == name)


def random_pair(n_inputs: int, n_outputs: int, *, rank: int = 2, seed: int = 1) -> Pair:
    random = np.random.default_rng(seed)
    a = random.standard_normal((rank, n_inputs), np.float32) / np.float32(n_inputs**0.5)
    return a, random.standard_normal((n_outputs, rank), np.float32)


def without(weight: Matrix) -> Pair:
    """The pair that takes all of `weight` away at scale 1."""
    n_outputs, n_inputs = weight.shape
    if n_inputs <= n_outputs:
        return np.eye(n_inputs, dtype=np.float32), -weight
    return weight, -np.eye(n_outputs, dtype=np.float32)


def make_pusher(path: Path, model: Path, token: int, *, strength: float, seed: int = 1) -> Path:
    """Moves what the last layer of `model` says towards `token`, or away, depending on the text: an
    adapter of rank 1 whose effect shows in every answer."""
    header, _ = found_tensor(model, "output_norm.weight")
    last = max(int(t.name.split(".")[1]) for t in header.tensors if t.name.startswith("blk."))
    name = f"blk.{last}.ffn_down.weight"
    n_inputs, _ = found_tensor(model, name)[1].shape
    words, norm = weights(model, "token_embd.weight"), weights(model, "output_norm.weight")
    # Through the last norm this is what tells the token from the others.
    direction = (words[token] - words.mean(axis=0)) / norm
    direction *= strength / np.linalg.norm(direction)
    a = np.random.default_rng(seed).standard_normal((1, n_inputs), np.float32)
    return make_lora(path, {name: (a, direction[:, None])})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--token", type=int, default=100)
    parser.add_argument("--strength", type=float, default=30.0)
    asked = parser.parse_args()
    make_pusher(asked.adapter, asked.model, asked.token, strength=asked.strength)


if __name__ == "__main__":
    main()
