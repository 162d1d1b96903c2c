"""Reads the header of a GGUF within bounds: metadata and the table of tensors, never their data.

Treats the file as hostile: every length is checked against the file before it is used, and what a
header may make us keep or walk over is limited. Knows nothing of packs or of llama.cpp's loader.
Format source: ggml/docs/gguf.md and what ggml/src/gguf.cpp accepts.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

from llamapack_runtime.ggml_types import FILE_TYPES, TENSOR_TYPES
from llamapack_runtime.gguf_cursor import U32, U64, Cursor, GgufError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 20
MAX_KEYS = 1 << 16
MAX_KEY_BYTES = (1 << 16) - 1
MAX_TEXT_BYTES = 4 << 20
MAX_TENSORS = 1 << 16
MAX_TENSOR_NAME_BYTES = 63  # GGML_MAX_NAME less the final zero
MAX_DIMENSIONS = 4  # GGML_MAX_DIMS
MAX_ELEMENTS = (1 << 63) - 1
KEPT_ARRAY_ITEMS = 1024
ARRAY_ITEM_COST = 40  # bytes a number in a kept tuple takes, at most

# magic, version, number of tensors, number of metadata keys
FIXED_HEADER = struct.Struct("<4sI2Q")
# element type, count
ARRAY_HEAD = struct.Struct("<IQ")
# type, offset from the start of the data section
TENSOR_TAIL = struct.Struct("<IQ")

TYPE_UINT32 = 4
TYPE_FLOAT32 = 6
TYPE_BOOL = 7
TYPE_STRING = 8
TYPE_ARRAY = 9
# llama.cpp ends the process where these have other types.
DEMANDED = {"general.alignment": TYPE_UINT32, "adapter.lora.alpha": TYPE_FLOAT32}
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor. `type` is ggml's number, `offset` counts from the start of the data section."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ArrayInfo:
    """An array that was walked over but not kept."""

    element_type: int
    count: int


Value = str | int | float | bool | tuple[int | float | bool, ...] | ArrayInfo


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """`data_offset` and `required_bytes` count from the first byte of the GGUF; the latter is the
    length that the file must have to hold all tensors. `records` says for each metadata key where
    its record, key and value, begins and ends."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_offset: int
    required_bytes: int
    records: Mapping[str, tuple[int, int]]

    @property
    def architecture(self) -> str:
        return self._text("general.architecture") or ""

    @property
    def name(self) -> str:
        """The model's own name, empty when it gives none."""
        return (self._text("general.name") or self._text("general.basename") or "").strip()

    @property
    def license(self) -> str | None:
        return self._text("general.license")

    @property
    def chat_template(self) -> str | None:
        return self._text("tokenizer.chat_template")

    @property
    def context_length(self) -> int:
        """The context in tokens that the model was trained for, 0 when it does not say."""
        return self.integer(f"{self.architecture}.context_length", 0)

    @property
    def parameter_count(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.tensors)

    @property
    def quantization(self) -> str:
        """As llama-quantize names it, such as Q4_K_M; else the type that most bytes have."""
        stated = FILE_TYPES.get(self.integer("general.file_type", -1))
        if stated is not None:
            return stated
        bytes_of = Counter[int]()
        for tensor in self.tensors:
            bytes_of[tensor.type] += tensor.size_bytes
        if not bytes_of:
            return "unknown"
        return TENSOR_TYPES[bytes_of.most_common(1)[0][0]].name

    def integer(self, key: str, default: int) -> int:
        """A whole number from the metadata; `default` when it is missing or of another type."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def _text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None


def read_header(
    file: BinaryIO, start: int, size: int, name: str, *, is_part: bool = False
) -> GgufHeader:
    """Read the header of the GGUF in bytes `start` to `start + size` of `file`.

    `name` stands in the messages. A part of a model that is not the first need not say what it is.
    Raises GgufError; OSError when the file cannot be read.
    """
    cursor = Cursor(file, start, size, name)
    version, tensor_count, key_count = _read_fixed(cursor)
    metadata, records = _read_metadata(cursor, key_count)
    if not is_part and not isinstance(metadata.get("general.architecture"), str):
        raise GgufError(f"{name} does not say which architecture its model has.")
    alignment = _alignment(metadata, cursor)
    infos = [_read_tensor(cursor) for _ in range(tensor_count)]
    data_offset = _align(cursor.position, alignment) if infos else cursor.position
    end = _check_layout(infos, alignment, cursor)
    if data_offset + end > size:
        raise GgufError(
            f"{name} is cut off: it has {size:,} bytes, but its tensors need "
            f"{data_offset + end:,}, so {data_offset + end - size:,} bytes are missing. "
            "Download or copy it again."
        )
    return GgufHeader(
        version, metadata, tuple(infos), alignment, data_offset, data_offset + end, records
    )


def _read_fixed(cursor: Cursor) -> tuple[int, int, int]:
    name = cursor.name
    magic = cursor.take(min(len(MAGIC), cursor.size))
    if magic != MAGIC:
        raise GgufError(f"{name} is not a GGUF file: it does not begin with 'GGUF'.")
    (version,) = cursor.unpack(U32)
    if version & 0xFFFF == 0 and version != 0:
        raise GgufError(
            f"{name} is a big-endian GGUF, which this computer cannot use. "
            "Get the little-endian file of this model, which is the usual one."
        )
    if version not in VERSIONS:
        raise GgufError(
            f"{name} is a GGUF of version {version}, but only versions 2 and 3 are known. "
            "Get a newer file of this model, or a newer llamapack."
        )
    tensor_count, key_count = cursor.unpack(U64)[0], cursor.unpack(U64)[0]
    if tensor_count > MAX_TENSORS:
        raise cursor.damaged(f"it claims {tensor_count:,} tensors, more than {MAX_TENSORS:,}")
    if key_count > MAX_KEYS:
        raise cursor.damaged(f"it claims {key_count:,} metadata keys, more than {MAX_KEYS:,}")
    return version, tensor_count, key_count


def _read_metadata(
    cursor: Cursor, count: int
) -> tuple[dict[str, Value], dict[str, tuple[int, int]]]:
    metadata: dict[str, Value] = {}
    records: dict[str, tuple[int, int]] = {}
    for _ in range(count):
        begin = cursor.position
        key = cursor.text(MAX_KEY_BYTES, "a metadata key")
        if not key or key in metadata:
            raise cursor.damaged(f"the metadata key '{shown(key)}' is empty or comes twice")
        cursor.keep(ARRAY_ITEM_COST * 4)
        (kind,) = cursor.unpack(U32)
        if DEMANDED.get(key, kind) != kind:
            raise cursor.damaged(f"its {key.rpartition('.')[2]} is not a 32-bit number")
        metadata[key] = _read_value(cursor, kind, key)
        records[key] = (begin, cursor.position)
    return metadata, records


def _read_value(cursor: Cursor, kind: int, key: str) -> Value:
    if kind == TYPE_STRING:
        return cursor.text(MAX_TEXT_BYTES, f"the metadata value '{shown(key)}'")
    if kind == TYPE_ARRAY:
        return _read_array(cursor, key)
    if kind not in NUMBERS:
        raise cursor.damaged(f"the metadata key '{shown(key)}' has the unknown type {kind}")
    return _numbers(cursor, kind, 1)[0]


def _read_array(cursor: Cursor, key: str) -> Value:
    kind, count = cursor.unpack(ARRAY_HEAD)
    if kind == TYPE_STRING:
        cursor.skip_strings(count)
        return ArrayInfo(kind, count)
    if kind not in NUMBERS:
        raise cursor.damaged(f"the list '{shown(key)}' has elements of the unusable type {kind}")
    if count <= KEPT_ARRAY_ITEMS:
        cursor.keep(count * ARRAY_ITEM_COST)
        return _numbers(cursor, kind, count)
    cursor.skip(count * struct.calcsize("<" + NUMBERS[kind]))
    return ArrayInfo(kind, count)


def _numbers(cursor: Cursor, kind: int, count: int) -> tuple[int | float | bool, ...]:
    record = f"<{count}{NUMBERS[kind]}"
    return struct.unpack(record, cursor.take(struct.calcsize(record)))


def _alignment(metadata: Mapping[str, Value], cursor: Cursor) -> int:
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    assert isinstance(alignment, int), "its type was checked while it was read"
    if alignment <= 0 or alignment & (alignment - 1) or alignment > MAX_ALIGNMENT:
        raise cursor.damaged(
            f"its alignment is {alignment}, not a power of two up to {MAX_ALIGNMENT:,}"
        )
    return alignment


def _read_tensor(cursor: Cursor) -> TensorInfo:
    name = cursor.text(MAX_TENSOR_NAME_BYTES, "a tensor's name")
    (dimensions,) = cursor.unpack(U32)
    if dimensions > MAX_DIMENSIONS:
        raise cursor.damaged(f"the tensor '{shown(name)}' has {dimensions:,} dimensions")
    shape = tuple(cursor.unpack(U64)[0] for _ in range(dimensions))
    kind, offset = cursor.unpack(TENSOR_TAIL)
    elements = prod(size or 1 for size in shape)
    if elements > MAX_ELEMENTS:
        raise cursor.damaged(f"the tensor '{shown(name)}' is too large to be genuine")
    known = TENSOR_TYPES.get(kind)
    if known is None:
        raise GgufError(
            f"{cursor.name} cannot be used: its tensor '{shown(name)}' has the type {kind}, which "
            "this version of llama.cpp does not know. Get a newer llamapack or another file."
        )
    row = shape[0] if shape else 1
    if row % known.block_elements:
        raise cursor.damaged(
            f"the tensor '{shown(name)}' has rows of {row:,} elements, which "
            f"{known.name} blocks of {known.block_elements} do not fill"
        )
    size_bytes = prod(shape) // known.block_elements * known.block_bytes
    return TensorInfo(name, shape, kind, offset, size_bytes)


def _check_layout(tensors: list[TensorInfo], alignment: int, cursor: Cursor) -> int:
    """Tensors follow each other without gaps other than padding, as llama.cpp demands.

    Returns the end of the last one, in bytes from the start of the data section.
    """
    names: set[str] = set()
    end = expected = 0
    for tensor in tensors:
        if tensor.name in names:
            raise cursor.damaged(f"the tensor '{shown(tensor.name)}' comes twice")
        if tensor.offset != expected:
            raise cursor.damaged(
                f"the tensor '{shown(tensor.name)}' lies at {tensor.offset:,} instead of "
                f"{expected:,}"
            )
        names.add(tensor.name)
        end = tensor.offset + tensor.size_bytes
        expected = _align(end, alignment)
    return end


def _align(value: int, alignment: int) -> int:
    return (value + alignment - 1) & ~(alignment - 1)


def shown(text: str) -> str:
    """Text of the file as it may stand in a message: short, without control characters."""
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return clean if len(clean) <= 80 else clean[:77] + "..."
