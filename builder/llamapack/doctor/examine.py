"""`llamapack doctor`: what a model is, how it would behave in a pack, and what is doubtful."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from llamapack.child import ChildError
from llamapack.doctor.doubts import behaviour_doubts, header_doubts
from llamapack.doctor.metadata import (
    bits_per_weight,
    output_tensor,
    type_shares,
    write_metadata,
)
from llamapack.errors import ModelError
from llamapack.gguf_files.model import GgufModel, check_architecture
from llamapack.inputs import resolve
from llamapack.packs.opening import find_entry, is_pack, open_pack
from llamapack.reporter import Reporter
from llamapack.text import plain
from llamapack.writing.copying import FileState
from llamapack.writing.source import Stretch
from llamapack_runtime.pack import GgufError, read_header
from llamapack_runtime.pack.gguf import type_name

# As llamapack_runtime.launch.program has it.
DESCRIBE_MODEL = "--describe-model"


class Runtime(Protocol):
    """A runtime image's program; `llamapack.image.program.RuntimeProgram` is one."""

    @property
    def architectures(self) -> Set[str]: ...
    @property
    def engine(self) -> str: ...
    def ask(self, arguments: list[str | Path]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Examination:
    """`facts` are for JSON. `problems` keep it from being packed, `doubts` do not."""

    facts: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def is_packable(self) -> bool:
        return not self.problems


def examine(argument: str, runtime: Runtime | None, reporter: Reporter) -> Examination:
    """Of a model as `llamapack build` takes it, or of the one in a pack. Without a runtime, what
    the header shows. ModelError for what is no model, or cannot be read."""
    model, license_name, warnings = _find(argument, reporter)
    facts: dict[str, Any] = _header_facts(model, license_name)
    doubts = [line for line in warnings if line not in model.warnings]
    doubts += header_doubts(model, license_name)
    if runtime is None:
        doubts.append(
            "There is no runtime image yet, so that vocabulary and chat template were not tried; "
            "make one with 'llamapack runtime build'."
        )
        return Examination(facts, (), tuple(doubts))
    try:
        check_architecture(model, runtime.architectures, runtime.engine)
        told = _tried(model, runtime)
    except ModelError as error:
        return Examination(facts, (str(error),), tuple(doubts))
    except ChildError as error:
        problem = f"llama.cpp cannot use {model.name}: {error.reason}."
        return Examination(facts, (problem,), tuple(doubts))
    if model.kind == "chat":
        doubts += behaviour_doubts(told)
    return Examination({**facts, **told}, (), tuple(doubts))


def _find(argument: str, reporter: Reporter) -> tuple[GgufModel, str | None, tuple[str, ...]]:
    """With its licence, and what else its kind of input warns of."""
    path = Path(argument)
    if is_pack(path):
        return (*_packed_model(path), ())
    found = resolve(argument, reporter)
    return found.gguf, found.gguf.license or found.license_name, found.all_warnings


def _packed_model(path: Path) -> tuple[GgufModel, str | None]:
    with open_pack(path) as pack:
        license_name = pack.manifest.model.license
        entry = find_entry(pack, pack.manifest.model.entry)
        archive = pack.path  # of a pack in two files, or of an app, another one
    try:
        state = FileState.of(archive)
        with archive.open("rb") as file:
            header = read_header(file, entry.data_offset, entry.size, plain(entry.name))
    except GgufError as error:
        raise ModelError(str(error)) from error
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(archive))}: {error.strerror}.") from error
    stretch = Stretch(archive, state, entry.data_offset, entry.size)
    return GgufModel(path, plain(path.name), header, (stretch,), ()), license_name


def _tried(model: GgufModel, runtime: Runtime) -> dict[str, Any]:
    """By the runtime's own look at the metadata."""
    with tempfile.TemporaryDirectory(prefix="llamapack-doctor-") as name:
        metadata = Path(name) / "metadata.gguf"
        try:
            write_metadata(model, metadata)
        except OSError as error:
            raise ModelError(f"Cannot write to {name}: {error.strerror}.") from error
        return runtime.ask([DESCRIBE_MODEL, metadata, str(model.size_bytes)])


def _header_facts(model: GgufModel, license_name: str | None) -> dict[str, Any]:
    header = model.header
    output = output_tensor(header)
    return {
        "path": str(model.path),
        "name": header.name or None,
        "kind": model.kind,
        "architecture": header.architecture,
        "parameter_count": header.parameter_count,
        "quantization": header.quantization,
        "context_length": header.context_length,
        "license": license_name,
        "size_bytes": model.size_bytes,
        "tensor_types": [asdict(share) for share in type_shares(header)],
        "output_layer": None
        if output is None
        else {
            "tensor": output.name,
            "type": type_name(output),
            "bits_per_weight": round(bits_per_weight(output), 2),
        },
    }
