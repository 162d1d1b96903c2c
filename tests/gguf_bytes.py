"""Writes GGUF headers byte by byte, wrong ones too. Source of the layout: ggml/docs/gguf.md."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NUMBER_CODES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}


@dataclass(frozen=True, slots=True)
class Typed:
    """A metadata value of a given type; a list becomes an array of it."""

    type: int
    value: object


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str = "token_embd.weight"
    shape: tuple[int, ...] = (32, 4)
    type: int = 0
    offset: int = 0


LLAMA: Mapping[str, str | Typed] = {"general.architecture": "llama"}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def metadata_value(value: str | Typed) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if not isinstance(value.value, list):
        return struct.pack("<I" + NUMBER_CODES[value.type], value.type, value.value)
    head = struct.pack("<IIQ", 9, value.type, len(value.value))
    if value.type == 8:
        return head + b"".join(text(item) for item in value.value)
    return head + struct.pack(f"<{len(value.value)}{NUMBER_CODES[value.type]}", *value.value)


def tensor_record(tensor: Tensor) -> bytes:
    shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
    return text(tensor.name) + shape + struct.pack("<IQ", tensor.type, tensor.offset)


def gguf_bytes(
    metadata: Mapping[str, str | Typed] | Sequence[tuple[str, str | Typed]] = LLAMA,
    tensors: Sequence[Tensor] = (Tensor(),),
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    data_bytes: int = 512,
    alignment: int = 32,
) -> bytes:
    pairs = list(metadata.items() if isinstance(metadata, Mapping) else metadata)
    head = magic + struct.pack("<IQQ", version, len(tensors), len(pairs))
    head += b"".join(text(key) + metadata_value(value) for key, value in pairs)
    head += b"".join(tensor_record(tensor) for tensor in tensors)
    return head + bytes(-len(head) % alignment) + bytes(data_bytes)
