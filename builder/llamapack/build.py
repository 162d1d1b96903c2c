"""`llamapack build`: a checked model and a runtime image become a pack."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from llamapack.bake import baker
from llamapack.copying import Advance, FileState
from llamapack.errors import OutputError
from llamapack.gguf_model import GgufModel, check_architecture, read_model
from llamapack.options import BuildOptions
from llamapack.packwriter import Source, write_pack
from llamapack.text import plain
from llamapack_runtime.pack import EntrySum, Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.pack.format import (
    LICENSE_FOLDER,
    MODEL_ALIGNMENT,
    MODEL_FOLDER,
    RUNTIME_FOLDER,
    STATE_NAME,
)


class Image(Protocol):
    """What a build needs of a runtime image; `llamapack.image.store.RuntimeImage` is one."""

    @property
    def target(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def archive(self) -> Path: ...
    @property
    def launcher(self) -> Path: ...
    @property
    def glibc_floor(self) -> str | None: ...
    @property
    def versions(self) -> Mapping[str, str]: ...
    @property
    def architectures(self) -> frozenset[str]: ...
    @property
    def licenses(self) -> tuple[Path, ...]: ...


class Reporter(Protocol):
    """How a build tells what it does. `start` opens a measured step of that many bytes."""

    def note(self, line: str) -> None: ...
    def warn(self, line: str) -> None: ...
    def start(self, label: str, total_bytes: int) -> Advance: ...


@dataclass(frozen=True, slots=True)
class BuildResult:
    """`state_bytes` is the size of the baked state, 0 without one."""

    path: Path
    name: str
    pack_id: str
    size_bytes: int
    model_bytes: int
    state_bytes: int
    duration_s: float
    warnings: tuple[str, ...]


def build(
    options: BuildOptions, get_image: Callable[[str], Image], reporter: Reporter
) -> BuildResult:
    """Make the pack that `options` asks for. Raises LlamapackError."""
    model = read_model(options.model)
    image = get_image(options.target)
    check_architecture(model, image.architectures, _engine(image))
    for warning in model.warnings:
        reporter.warn(warning)
    started = time.monotonic()
    sources = _sources(model, image)
    launcher = _source("launcher", image.launcher)
    total = sum(source.state.size for source in (launcher, *sources))
    advance = reporter.start(f"Packing {plain(options.model.name)}", total)
    draft = _Draft(options, model, image)
    with contextlib.ExitStack() as resources:
        bake = resources.enter_context(baker(reporter.note)) if options.bake else None
        size = write_pack(options.output, launcher, sources, draft.manifest, advance, bake)
    return BuildResult(
        path=options.output,
        name=draft.name,
        pack_id=draft.pack_id,
        size_bytes=size,
        model_bytes=model.state.size,
        state_bytes=draft.state_bytes,
        duration_s=time.monotonic() - started,
        warnings=model.warnings,
    )


class _Draft:
    """The manifest while the sums of the entries are still unknown."""

    def __init__(self, options: BuildOptions, model: GgufModel, image: Image) -> None:
        self.name = options.name or plain(model.header.name) or plain(options.model.stem)
        self.pack_id = ""
        self.state_bytes = 0
        self._settings = options.settings
        self._model = model
        self._image = image

    def manifest(self, entries: Sequence[EntrySum]) -> bytes:
        model_entry, runtime_entry = entries[0], entries[1]
        self.pack_id = pack_id(model_entry.sha256, self.name, self._settings)
        state = next((entry for entry in entries if entry.name == STATE_NAME), None)
        self.state_bytes = 0 if state is None else state.size
        header, image = self._model.header, self._image
        return Manifest(
            pack_id=self.pack_id,
            name=self.name,
            target=image.target,
            llamapack_version=version("llamapack"),
            model=ModelInfo(
                entry=model_entry.name,
                name=header.name or self.name,
                architecture=header.architecture,
                quantization=header.quantization,
                parameter_count=header.parameter_count,
                context_length=header.context_length,
                has_chat_template=bool(header.chat_template),
                license=header.license,
            ),
            runtime=RuntimeInfo(
                entry=runtime_entry.name,
                key=image.key,
                glibc_floor=image.glibc_floor,
                versions=image.versions,
            ),
            settings=self._settings,
            entries=tuple(entries),
            state=None if state is None else state.name,
        ).to_json()


def pack_id(model_sha256: str, name: str, settings: Mapping[str, Any]) -> str:
    """16 hex digits that stay the same for the same model, name and settings."""
    text = json.dumps([model_sha256, name, dict(settings)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def entry_file_name(path: Path) -> str:
    """The name of a file as every system can store it; folders of this computer stay out."""
    name = path.name.encode(errors="replace").decode()
    name = re.sub(r'[\\/:*?"<>|]', "_", plain(name)).removesuffix(".gguf")
    return (name.strip(" .")[:150].strip(" .") or "model") + ".gguf"


def _engine(image: Image) -> str:
    """The engine's version for a message."""
    name = "llama-cpp-python"
    return f"{name} {image.versions[name]}" if name in image.versions else f"image {image.key}"


def _sources(model: GgufModel, image: Image) -> list[Source]:
    """The entries in their order: the model, the runtime, the licences."""
    name = MODEL_FOLDER + entry_file_name(model.path)
    licenses = sorted(image.licenses, key=lambda path: path.name)
    return [
        Source(name, model.path, model.state, MODEL_ALIGNMENT),
        _source(f"{RUNTIME_FOLDER}{image.target}.tar.zst", image.archive),
        *(_source(LICENSE_FOLDER + path.name, path) for path in licenses),
    ]


def _source(name: str, path: Path) -> Source:
    try:
        return Source(name, path, FileState.of(path))
    except OSError as error:
        raise OutputError(f"Cannot read {path}: {error.strerror}.") from error
