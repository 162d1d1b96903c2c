"""What a runtime image brings into a pack: entries, a launcher, and what the manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from llamapack.errors import OutputError
from llamapack.targets.table import target_named
from llamapack.windows.about import pack_resources
from llamapack.windows.program import with_resources
from llamapack.writing.copying import FileState
from llamapack.writing.source import Source
from llamapack_runtime.pack import EntrySum, RuntimeInfo
from llamapack_runtime.pack.format import LICENSE_FOLDER, RUNTIME_FOLDER


class Image(Protocol):
    """What a pack needs of a runtime image; `llamapack.image.store.RuntimeImage` is one."""

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
    def macos_floor(self) -> str | None: ...
    @property
    def versions(self) -> Mapping[str, str]: ...
    @property
    def architectures(self) -> frozenset[str]: ...
    @property
    def licenses(self) -> tuple[Path, ...]: ...
    @property
    def gpu(self) -> tuple[str, ...] | None: ...


def launcher_source(image: Image, name: str, author: str | None, logo: bytes | None) -> Source:
    """What the file begins with; on Windows it says the pack's `name` and shows its `logo`.
    OutputError when it cannot be read, as all of these."""
    source = _source("launcher", image.launcher)
    if target_named(image.target).system != "windows":
        return source
    resources = pack_resources(name, author, version("llamapack"), logo)
    return Source(source.name, (with_resources(source.read(), resources),))


def image_sources(image: Image) -> list[Source]:
    """The runtime, then the licences of its parts."""
    licenses = sorted(image.licenses, key=lambda path: path.name)
    return [
        _source(runtime_entry(image.target), image.archive),
        *(_source(LICENSE_FOLDER + path.name, path) for path in licenses),
    ]


def runtime_entry(target: str) -> str:
    """Where the launcher of `target` looks for its runtime."""
    return f"{RUNTIME_FOLDER}{target}.tar.zst"


def runtime_info(image: Image, entry: str, launcher: EntrySum | None) -> RuntimeInfo:
    return RuntimeInfo(
        entry=entry,
        key=image.key,
        glibc_floor=image.glibc_floor,
        versions=image.versions,
        launcher=launcher if launcher is not None and launcher.size else None,
        gpu=image.gpu,
    )


def engine_text(image: Image) -> str:
    """The engine's version for a message."""
    name = "llama-cpp-python"
    return f"{name} {image.versions[name]}" if name in image.versions else f"image {image.key}"


def _source(name: str, path: Path) -> Source:
    try:
        return Source.of_file(name, path, FileState.of(path))
    except OSError as error:
        raise OutputError(f"Cannot read {path}: {error.strerror}.") from error
