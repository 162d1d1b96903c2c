"""A model in several GGUF files, as `llama-gguf-split` makes them: finds the parts of one, checks
that they belong together, and says how they become one GGUF while they are copied.

    part 1               part 2              the whole
    | header             | header            | header, made anew
    | metadata           | split keys        | metadata of part 1, less its split keys
    | tensor records     | tensor records    | all tensor records, with new offsets
    | padding            | padding           | padding
    | tensor data        | tensor data       | data of part 1, padding, data of part 2, padding

Format source: tools/gguf-split/gguf-split.cpp and src/llama-model-loader.cpp of llama.cpp."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.gguf_files.file import GgufFile, read_gguf
from llamapack.text import plain
from llamapack.writing.source import Stretch
from llamapack_runtime.pack import GgufHeader
from llamapack_runtime.pack.gguf import MAX_TENSORS, TensorInfo, head_bytes, tensor_bytes

NAME = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<ending>\.gguf)", re.I)
NUMBER, COUNT, TENSORS = "split.no", "split.count", "split.tensors.count"
SPLIT_KEYS = (NUMBER, COUNT, TENSORS)
_MOST_NAMED = 5  # missing parts, in a message

Parts = tuple[Stretch | bytes, ...]


def is_part(header: GgufHeader) -> bool:
    return header.integer(COUNT, 0) > 1


def part_path(path: Path, number: int) -> Path | None:
    """The file of part `number`, from 1, beside the part `path`; None: its name tells nothing."""
    match = NAME.fullmatch(path.name)
    if match is None:
        return None
    return path.with_name(f"{match['stem']}-{number:05}-of-{match['count']}{match['ending']}")


def joined(files: Sequence[GgufFile]) -> tuple[GgufHeader, Parts]:
    """What all `files`, the parts in their order, are as one GGUF, without a key that says that
    they were several."""
    first = files[0].header
    alignment = first.alignment
    tensors, data = _placed(files, alignment)
    kept = [key for key in first.records if key not in SPLIT_KEYS]
    records = b"".join(tensor_bytes(tensor) for tensor in tensors)
    metadata = list(_stretches(files[0], [first.records[key] for key in kept]))
    head = head_bytes(first.version, len(tensors), len(kept))
    header_bytes = len(head) + sum(one.size for one in metadata) + len(records)
    padding = bytes(-header_bytes % alignment)
    data_offset = header_bytes + len(padding)
    header = replace(
        first,
        metadata={key: first.metadata[key] for key in kept},
        tensors=tuple(tensors),
        data_offset=data_offset,
        required_bytes=data_offset + tensors[-1].offset + tensors[-1].size_bytes,
        records={},
    )
    return header, (head, *metadata, records + padding, *data)


def read_parts(named: GgufFile) -> list[GgufFile]:
    """All parts of the model that `named` is one of, in their order. Raises ModelError that names
    a part which is missing, or is of another model."""
    count = named.header.integer(COUNT, 0)
    paths = _part_paths(named, count)
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise ModelError(_missing_text(named, count, missing))
    files = [
        named if path == named.path else read_gguf(path, is_part=number > 0)
        for number, path in enumerate(paths)
    ]
    for number, file in enumerate(files):
        _check_part(file, number, count, files[0])
    _check_tensors(files)
    return files


def _part_paths(named: GgufFile, count: int) -> list[Path]:
    match = NAME.fullmatch(named.path.name)
    if match is None or int(match["count"]) != count:
        raise ModelError(
            f"{named.name} is part {named.header.integer(NUMBER, 0) + 1} of a model in {count:,} "
            "files, and its name does not lead to the others. Name them all as they were: "
            f"NAME-00001-of-{count:05}.gguf and so on."
        )
    paths = [part_path(named.path, number) for number in range(1, count + 1)]
    return [path for path in paths if path is not None]


def _missing_text(named: GgufFile, count: int, missing: list[str]) -> str:
    shown = ", ".join(plain(name) for name in missing[:_MOST_NAMED])
    more = len(missing) - _MOST_NAMED
    rest = f" and {more:,} more" if more > 0 else ""
    verb = "is" if len(missing) == 1 else "are"
    return (
        f"{named.name} is one of {count:,} files of a model, and {shown}{rest} {verb} not in "
        f"{plain(str(named.path.parent))}. Put all parts there."
    )


def _check_part(file: GgufFile, number: int, count: int, first: GgufFile) -> None:
    header = file.header
    if header.integer(COUNT, 0) != count or header.integer(NUMBER, -1) != number:
        raise ModelError(
            f"{file.name} should be part {number + 1} of {count:,}, but says that it is part "
            f"{header.integer(NUMBER, -1) + 1} of {header.integer(COUNT, 0):,}. "
            "Get all parts again from one place."
        )
    for key, value in header.metadata.items():
        if key in (NUMBER, "general.alignment"):
            continue
        if key in first.header.metadata and first.header.metadata[key] != value:
            raise _stranger(file, first)


def _check_tensors(files: Sequence[GgufFile]) -> None:
    """All tensors are there, and none twice."""
    first = files[0]
    total = first.header.integer(TENSORS, -1)
    names: set[str] = set()
    for file in files:
        for tensor in file.header.tensors:
            if tensor.name in names:
                raise _stranger(file, first)
            names.add(tensor.name)
    if total not in (-1, len(names)) or len(names) > MAX_TENSORS:
        raise ModelError(
            f"The {len(files)} parts of {first.name} hold {len(names):,} tensors, and the model "
            f"has {max(total, 0):,}. Get all parts again from one place."
        )
    if not names:
        raise ModelError(f"{first.name} holds no weights. Name the GGUF with the model itself.")


def _stranger(file: GgufFile, first: GgufFile) -> ModelError:
    return ModelError(
        f"{file.name} is not of the same model as {first.name}. Get all parts again from one place."
    )


def _stretches(file: GgufFile, places: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """The places of `file` in their order, those that touch as one."""
    begin = end = 0
    for place in places:
        if place[0] != end:
            if end > begin:
                yield Stretch(file.path, file.state, begin, end - begin)
            begin = place[0]
        end = place[1]
    if end > begin:
        yield Stretch(file.path, file.state, begin, end - begin)


def _placed(files: Sequence[GgufFile], alignment: int) -> tuple[list[TensorInfo], Parts]:
    """Every tensor with its offset in the whole, and the data section's pieces."""
    tensors: list[TensorInfo] = []
    parts: list[Stretch | bytes] = []
    at = 0
    for file in files:
        for group in _groups(file, alignment):
            begin = group[0].offset
            size = group[-1].offset + group[-1].size_bytes - begin
            tensors += [replace(one, offset=at + one.offset - begin) for one in group]
            parts.append(Stretch(file.path, file.state, file.header.data_offset + begin, size))
            padding = bytes(-size % alignment)
            parts.append(padding)
            at += size + len(padding)
    return tensors, tuple(part for part in parts if not isinstance(part, bytes) or part)


def _groups(file: GgufFile, alignment: int) -> Sequence[Sequence[TensorInfo]]:
    """Tensors that keep their distances: all of a file whose alignment is that of the whole."""
    tensors = file.header.tensors
    if file.header.alignment == alignment:
        return [tensors] if tensors else []
    return [(tensor,) for tensor in tensors]
