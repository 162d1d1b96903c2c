"""The LoRA adapters of this start: the pack's and those of --lora, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.api.adapters import AdapterCard, AdapterRack
from llamapack_runtime.api.service import ModelCard
from llamapack_runtime.errors import ModelFileUnusable, UsageError
from llamapack_runtime.gguf_cursor import GgufError
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.model_kind import model_kind
from llamapack_runtime.pack import AdapterInfo, Pack
from llamapack_runtime.pack.lora import MAX_ADAPTERS, LoraWish, check_lora
from llamapack_runtime.settings import Settings

if TYPE_CHECKING:  # the loader's thread imports them: the page must not wait
    from llamapack_runtime.engine.lora import LoraAdapter
    from llamapack_runtime.engine.model import Model


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """`size` bytes of GGUF at `offset` of `path`. `content` tells its bytes from those of others;
    `scale` is how strongly it acts in requests that name no adapters."""

    name: str
    path: Path
    offset: int
    size: int
    content: str
    scale: float


def packed_adapters(pack: Pack, infos: Iterable[AdapterInfo]) -> tuple[AdapterSource, ...]:
    """PackError when one is not in the pack."""
    found = []
    for info in infos:
        entry = pack.entry(info.entry)
        content = f"sha256 {entry.sha256}"
        found.append(
            AdapterSource(info.name, pack.path, entry.data_offset, entry.size, content, info.scale)
        )
    return tuple(found)


def adapters_of(
    packed: Sequence[AdapterSource], settings: Settings, card: ModelCard
) -> tuple[AdapterSource, ...]:
    """Those, and the ones that were asked for at this start. UsageError, also for one that is
    called as the model is, ModelFileUnusable."""
    found = [*packed, *map(_from_file, settings.adapter_wishes)]
    if len(found) > MAX_ADAPTERS:
        raise UsageError(f"--lora: at most {MAX_ADAPTERS} adapters are possible, not {len(found)}.")
    names = [card.id, card.name] if card.id != card.name else [card.id]
    names += [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"Two adapters, or one and the model, are called '{twice}'; give an adapter another "
            "name: --lora NAME=FILE."
        )
    if settings.lora_init_without_apply:
        found = [replace(one, scale=0.0) for one in found]
    return tuple(found)


def check_adapters(adapters: Iterable[AdapterSource], model: GgufHeader) -> None:
    """ModelFileUnusable for one that does not fit the model."""
    for one in adapters:
        if model_kind(model) != "chat":
            raise ModelFileUnusable(
                f"The adapter '{one.name}' cannot be used: this model does not chat, and adapters "
                "act on nothing else here. Leave it out."
            )
        try:
            with one.path.open("rb") as file:
                header = read_header(file, one.offset, one.size, f"The adapter '{one.name}'")
            check_lora(header, model, f"The adapter '{one.name}'")
            if one.offset % header.alignment:  # llama.cpp would read beside its tensors
                raise GgufError(f"The adapter '{one.name}' does not lie where it can be read.")
        except GgufError as error:
            raise ModelFileUnusable(str(error)) from error
        except OSError as error:
            raise _unreadable(one.path, error) from error


def open_adapters(model: Model, adapters: Iterable[AdapterSource]) -> Mapping[str, LoraAdapter]:
    """Those that `check_adapters` took. EngineError."""
    from llamapack_runtime.engine.lora import LoraAdapter  # see TYPE_CHECKING above

    return {one.name: LoraAdapter.open(model, one.name, one.path, one.offset) for one in adapters}


def rack_of(adapters: Iterable[AdapterSource]) -> AdapterRack:
    """As requests name them."""
    return AdapterRack([AdapterCard(one.name, one.scale) for one in adapters])


def content_of(adapters: Iterable[AdapterSource]) -> str:
    """Of those that act by themselves, all that what they compute depends on; "" for none."""
    acting = sorted((one.name, one.content, one.scale) for one in adapters if one.scale)
    return repr(acting) if acting else ""


def _from_file(wish: LoraWish) -> AdapterSource:
    try:
        path = wish.path.resolve(strict=True)
        status = path.stat()
    except (OSError, RuntimeError) as error:
        raise _unreadable(wish.path, error) from error
    content = f"file {path}, {status.st_size} bytes of {status.st_mtime_ns}"
    return AdapterSource(wish.name, path, 0, status.st_size, content, wish.scale)


def _unreadable(path: Path, error: OSError | RuntimeError) -> ModelFileUnusable:
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return ModelFileUnusable(f"The adapter {path} cannot be read: {cause}.")
