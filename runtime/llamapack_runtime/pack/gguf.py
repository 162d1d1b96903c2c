"""A GGUF's records as bytes, for what writes a header anew.

Format source: ggml/docs/gguf.md."""

from __future__ import annotations

import struct

from llamapack_runtime.ggml_types import TENSOR_TYPES
from llamapack_runtime.gguf_cursor import U32, U64
from llamapack_runtime.gguf_header import (
    FIXED_HEADER,
    MAGIC,
    MAX_TENSORS,
    TENSOR_TAIL,
    ArrayInfo,
    TensorInfo,
)

__all__ = ["MAX_TENSORS", "ArrayInfo", "TensorInfo", "head_bytes", "tensor_bytes", "type_name"]


def head_bytes(version: int, tensors: int, keys: int) -> bytes:
    """What a GGUF begins with, for the numbers of tensors and of metadata keys that follow."""
    return FIXED_HEADER.pack(MAGIC, version, tensors, keys)


def tensor_bytes(tensor: TensorInfo) -> bytes:
    """Its record in the table of tensors."""
    name = tensor.name.encode()
    shape = struct.pack(f"<{len(tensor.shape)}Q", *tensor.shape)
    return (
        U64.pack(len(name))
        + name
        + U32.pack(len(tensor.shape))
        + shape
        + TENSOR_TAIL.pack(tensor.type, tensor.offset)
    )


def type_name(tensor: TensorInfo) -> str:
    """Such as Q4_K."""
    return TENSOR_TYPES[tensor.type].name
