"""Splits a GGUF as `llama-gguf-split` does: the first part has the metadata, each has its share of
the tensors. Written with the gguf library, so that what reads the parts is checked against it."""

from __future__ import annotations

from pathlib import Path

import gguf

from gguf_bytes import Tensor, Typed, gguf_bytes, metadata_value, tensor_record, text

UINT16, INT32 = 2, 5


def split(model: Path, folder: Path, count: int, *, is_first_empty: bool = False) -> list[Path]:
    """The paths of `count` parts in `folder`, which hold what `model` does."""
    reader = gguf.GGUFReader(model)
    tensors = list(reader.tensors)
    shares: list[list[gguf.ReaderTensor]] = [[] for _ in range(count)]
    for number, tensor in enumerate(tensors):
        first = 1 if is_first_empty else 0
        shares[first + number * (count - first) // len(tensors)].append(tensor)
    metadata = raw_metadata(model, reader)
    paths = []
    for number, share in enumerate(shares):
        keys = {
            "split.no": Typed(UINT16, number),
            "split.count": Typed(UINT16, count),
            "split.tensors.count": Typed(INT32, len(tensors)),
        }
        own = b"".join(text(key) + metadata_value(value) for key, value in keys.items())
        first_keys = metadata if number == 0 else (0, b"")
        path = folder / f"{model.stem}-{number + 1:05}-of-{count:05}.gguf"
        path.write_bytes(_part(share, first_keys[0] + len(keys), first_keys[1] + own))
        paths.append(path)
    return paths


def raw_metadata(model: Path, reader: gguf.GGUFReader) -> tuple[int, bytes]:
    """The number of the model's keys, and their records."""
    fields = [one for one in reader.fields.values() if not one.name.startswith("GGUF.")]
    begin = min(field.offset for field in fields)
    end = reader.tensors[0].field.offset
    return len(fields), model.read_bytes()[begin:end]


def _part(share: list[gguf.ReaderTensor], keys: int, metadata: bytes) -> bytes:
    records, data = b"", b""
    for tensor in share:
        shape = tuple(int(size) for size in tensor.shape)
        records += tensor_record(Tensor(tensor.name, shape, int(tensor.tensor_type), len(data)))
        data += tensor.data.tobytes()
        data += bytes(-len(data) % 32)
    bare = bytearray(gguf_bytes([], [], data_bytes=0)[:24])
    bare[8:24] = len(share).to_bytes(8, "little") + keys.to_bytes(8, "little")
    head = bytes(bare) + metadata + records
    return head + bytes(-len(head) % 32) + data
