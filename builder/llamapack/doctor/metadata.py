"""A model's metadata as a GGUF of its own, without the weights, and what its tensors are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llamapack.gguf_files.model import GgufModel
from llamapack.writing.source import Source, Stretch, copy_source
from llamapack_runtime.pack import GgufHeader
from llamapack_runtime.pack.gguf import TensorInfo, head_bytes, type_name

_OUTPUT, _EMBEDDING = "output.weight", "token_embd.weight"


def write_metadata(model: GgufModel, target: Path) -> None:
    """What llama.cpp needs to read the vocabulary. OSError; ChangedError when the model's file is
    no longer as it was."""
    header = model.header
    head = head_bytes(header.version, 0, len(header.metadata))
    parts: tuple[Stretch | bytes, ...] = (head, *_records(model, len(head)))
    size = sum(len(part) if isinstance(part, bytes) else part.size for part in parts)
    source = Source("metadata", (*parts, bytes(-size % header.alignment)))
    with target.open("wb", buffering=0) as file:
        copy_source(source, file, 0, lambda _: None)


def _records(model: GgufModel, head_size: int) -> Iterator[Stretch]:
    """The stretches that hold keys and values."""
    records = model.header.records
    first = model.parts[0]
    if isinstance(first, Stretch):  # one whole file, of which the header was read
        end = max(end for _, end in records.values())
        begin = first.offset + head_size
        yield Stretch(first.path, first.state, begin, end - head_size)
        return
    # A file put together of several: a new head, the records, a new table of tensors, the data.
    for part in itertools.takewhile(lambda one: isinstance(one, Stretch), model.parts[1:]):
        assert isinstance(part, Stretch), "the others were left behind"
        yield part


@dataclass(frozen=True, slots=True)
class TypeShare:
    """What the tensors of one type come to."""

    name: str
    tensors: int
    size_bytes: int


def type_shares(header: GgufHeader) -> list[TypeShare]:
    """Those with the most bytes first."""
    groups: dict[str, list[TensorInfo]] = {}
    for tensor in header.tensors:
        groups.setdefault(type_name(tensor), []).append(tensor)
    shares = [
        TypeShare(name, len(group), sum(tensor.size_bytes for tensor in group))
        for name, group in groups.items()
    ]
    return sorted(shares, key=lambda share: -share.size_bytes)


def output_tensor(header: GgufHeader) -> TensorInfo | None:
    """What turns the last layer into scores of tokens; many models use the embeddings for it."""
    by_name = {tensor.name: tensor for tensor in header.tensors}
    return by_name.get(_OUTPUT) or by_name.get(_EMBEDDING)


def bits_per_weight(tensor: TensorInfo) -> float:
    return tensor.size_bytes * 8 / max(1, math.prod(tensor.shape))
