"""What is served: the model in the pack, or another GGUF file with this runtime."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llamapack_runtime.api.service import About, ModelCard
from llamapack_runtime.engine.state_file import StateRange
from llamapack_runtime.errors import ModelFileUnusable, PackUnusable, UsageError
from llamapack_runtime.ggml_types import TENSOR_TYPES
from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.launch.adapters import AdapterSource, adapters_of, packed_adapters
from llamapack_runtime.launch.draft import DraftSource, draft_of, packed_draft
from llamapack_runtime.launch.projector import ProjectorSource, packed_projector, projector_of
from llamapack_runtime.model_kind import Kind, model_kind
from llamapack_runtime.pack import Entry, Manifest, ModelInfo, Pack, PackError
from llamapack_runtime.pack.logo import Logo
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

_PROMPTS = ("system_prompt", "system_prompt_file")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """`size` bytes of GGUF at `offset` of `path`. `identity` names it among running instances;
    `content` tells its bytes from those of other models. `image_key` names the libraries that
    compute, and `engine` their version. `state`: what was computed of the system prompt when the
    pack was made. `n_sharing`: so many models share the memory for what was read, and `kind` tells
    them apart before they are loaded."""

    path: Path
    offset: int
    size: int
    identity: str
    content: str
    image_key: str
    engine: str
    about: About
    state: StateRange | None = None
    n_sharing: int = 1
    kind: Kind = "chat"
    adapters: tuple[AdapterSource, ...] = ()
    projector: ProjectorSource | None = None
    draft: DraftSource | None = None

    @property
    def weight_bytes(self) -> int:
        """With its adapters and its projector."""
        eyes = 0 if self.projector is None else self.projector.size
        return self.size + eyes + sum(one.size for one in self.adapters)

    def read_header(self) -> GgufHeader:
        """ModelFileUnusable when it is no GGUF that can be used."""
        try:
            with self.path.open("rb") as file:
                return read_header(file, self.offset, self.size, self.path.name)
        except GgufError as error:
            raise ModelFileUnusable(str(error)) from error
        except OSError as error:
            raise _unreadable(self.path, error) from error


@dataclass(frozen=True, slots=True)
class PackedModel:
    """What the runtime needs of a pack, which is open only while it is read. `others` are the
    entries of its other models, as the manifest orders them."""

    path: Path
    manifest: Manifest
    offset: int
    size: int
    sha256: str
    state: StateRange | None
    logo: Logo | None = None
    others: tuple[Entry, ...] = ()
    adapters: Mapping[str, tuple[AdapterSource, ...]] = field(default_factory=dict)
    projectors: Mapping[str, ProjectorSource | None] = field(default_factory=dict)
    draft: DraftSource | None = None


def read_pack(path: Path) -> PackedModel:
    """PackUnusable when it cannot be used."""
    try:
        with Pack.open(path) as pack:
            manifest = pack.manifest
            entry = pack.entry(manifest.model.entry)
            state = None if manifest.state is None else _range(path, pack.entry(manifest.state))
            return PackedModel(
                path,
                manifest,
                entry.data_offset,
                entry.size,
                entry.sha256,
                state,
                pack.logo(),
                tuple(pack.entry(other.entry) for other in manifest.others),
                {one.name: packed_adapters(pack, one.adapters) for one in manifest.models},
                {one.name: packed_projector(pack, one) for one in manifest.models},
                packed_draft(pack, manifest.model),
            )
    except PackError as error:
        raise PackUnusable(str(error)) from error
    except OSError as error:
        raise PackUnusable(f"The pack {path} cannot be read: {error.strerror}.") from error


def find_source(pack: PackedModel | None, settings: Settings, paths: Paths) -> ModelSource:
    """The file of --model, else the pack's model. UsageError without either, and for a system
    prompt where the pack's is locked."""
    if settings.model is not None:
        manifest = None if pack is None else pack.manifest
        return _file_source(Path(settings.model), manifest, settings, paths)
    if pack is None:
        raise UsageError("There is no pack here to serve; give a GGUF file with --model FILE.")
    return _pack_source(pack, settings)


def find_others(pack: PackedModel | None, settings: Settings) -> tuple[ModelSource, ...]:
    """The pack's models besides its first. None with --model, which is served alone. UsageError
    when the --alias of the first is the name of another."""
    if pack is None or settings.model is not None or not pack.others:
        return ()
    names = {info.name for info in pack.manifest.others}
    if settings.alias in names:
        raise UsageError(
            f"--alias {settings.alias} is the name of another model in this pack; choose another."
        )
    first = _pack_source(pack, settings)
    return tuple(
        replace(
            first,
            offset=entry.data_offset,
            size=entry.size,
            content=f"sha256 {entry.sha256}",
            about=replace(
                first.about,
                model=_card(info, info.name, entry.size, sees=info.projector is not None),
            ),
            state=None,
            kind=info.kind,
            adapters=pack.adapters.get(info.name, ()),
            projector=pack.projectors.get(info.name),
        )
        for info, entry in zip(pack.manifest.others, pack.others, strict=True)
    )


def version_words(pack: PackedModel | None) -> str:
    """For --version: "llamapack 0.1.0 (llama-cpp-python 0.3.36, ...)"."""
    version, versions = _versions(None if pack is None else pack.manifest)
    return f"llamapack {version} ({', '.join(' '.join(item) for item in versions.items())})"


def quantizations(header: GgufHeader) -> list[str]:
    """Names of the tensor types, those with the most bytes first."""
    bytes_of = Counter[int]()
    for tensor in header.tensors:
        bytes_of[tensor.type] += tensor.size_bytes
    return [TENSOR_TYPES[kind].name for kind, _ in bytes_of.most_common()]


def python_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _pack_source(pack: PackedModel, settings: Settings) -> ModelSource:
    manifest, model = pack.manifest, pack.manifest.model
    if manifest.brand.is_system_prompt_locked and not settings.given.isdisjoint(_PROMPTS):
        raise UsageError(
            "Whoever made this pack locked its system prompt: start it without --system-prompt."
        )
    sees = model.projector is not None or settings.mmproj is not None
    card = _card(model, settings.alias or model.name, pack.size, sees=sees)
    return ModelSource(
        path=pack.path,
        offset=pack.offset,
        size=pack.size,
        identity=f"pack {manifest.pack_id}",
        content=f"sha256 {pack.sha256}",
        image_key=manifest.runtime.key,
        engine=_engine(manifest),
        about=replace(
            _about(manifest, manifest.name, manifest.pack_id, card),
            brand=manifest.brand,
            logo=pack.logo,
        ),
        state=pack.state,
        n_sharing=len(manifest.models),
        kind=model.kind,
        adapters=adapters_of(pack.adapters.get(model.name, ()), settings, card),
        projector=projector_of(pack.projectors.get(model.name), settings),
        draft=draft_of(pack.draft, settings),
    )


def _card(info: ModelInfo, name: str, size_bytes: int, *, sees: bool) -> ModelCard:
    return ModelCard(
        id=name,
        name=info.name,
        architecture=info.architecture,
        quantization=info.quantization,
        parameter_count=info.parameter_count,
        context_length=info.context_length,
        size_bytes=size_bytes,
        has_chat_template=info.has_chat_template,
        license=info.license,
        sees_images=sees,
    )


def _file_source(
    path: Path, manifest: Manifest | None, settings: Settings, paths: Paths
) -> ModelSource:
    try:
        path = path.resolve(strict=True)
        status = path.stat()
        size = status.st_size
        with path.open("rb") as file:
            header = read_header(file, 0, size, path.name)
    except GgufError as error:
        raise ModelFileUnusable(str(error)) from error
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    name = header.name or path.stem
    card = ModelCard(
        id=settings.alias or name,
        name=name,
        architecture=header.architecture,
        quantization=header.quantization,
        parameter_count=header.parameter_count,
        context_length=header.context_length,
        size_bytes=size,
        has_chat_template=header.chat_template is not None,
        license=header.license,
        sees_images=settings.mmproj is not None,
    )
    identity = f"file {path}"
    pack_id = hashlib.sha256(identity.encode()).hexdigest()
    libraries = "" if manifest is not None else _libraries_key(paths.libraries)
    return ModelSource(
        path=path,
        offset=0,
        size=size,
        identity=identity,
        content=f"{identity}, {size} bytes of {status.st_mtime_ns}",
        image_key=libraries if manifest is None else manifest.runtime.key,
        engine=libraries if manifest is None else _engine(manifest),
        about=_about(manifest, name, pack_id, card),
        kind=model_kind(header),
        adapters=adapters_of((), settings, card),
        projector=projector_of(None, settings),
        draft=draft_of(None, settings),
    )


def _range(path: Path, entry: Entry) -> StateRange:
    return StateRange(path, entry.data_offset, entry.size)


def _engine(manifest: Manifest) -> str:
    """A newer page or Python makes another image; what llama.cpp computes is the same."""
    version = manifest.runtime.versions.get("llama-cpp-python")
    return manifest.runtime.key if version is None else f"llama-cpp-python {version}"


def _about(manifest: Manifest | None, name: str, pack_id: str, card: ModelCard) -> About:
    version, versions = _versions(manifest)
    return About(name, pack_id, version, versions, card)


def _versions(manifest: Manifest | None) -> tuple[str, Mapping[str, str]]:
    """llamapack's own, and those of the parts."""
    if manifest is not None:
        return manifest.llamapack_version, dict(manifest.runtime.versions)
    import importlib.metadata  # only without a pack

    installed = {
        name: importlib.metadata.version(name) for name in ("llamapack", "starlette", "uvicorn")
    }
    return installed.pop("llamapack"), {"python": python_version(), **installed}


def _libraries_key(folder: Path) -> str:
    """Changes with the libraries: what was measured with others says nothing about them."""
    hasher = hashlib.sha256()
    for path in sorted(folder.glob("*ggml*")):
        status = path.stat()
        hasher.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return f"local-{hasher.hexdigest()[:32]}"


def _unreadable(path: Path, error: OSError | RuntimeError) -> ModelFileUnusable:
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return ModelFileUnusable(f"The model file {path} cannot be read: {cause}.")
