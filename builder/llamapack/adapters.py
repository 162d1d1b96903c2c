"""The LoRA adapters that are packed with a model: each fits it, and has a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llamapack.errors import ModelError, SettingError
from llamapack.gguf_files.file import GgufFile, read_gguf
from llamapack.inputs.found import AdapterFile, Found
from llamapack.models import PackModel
from llamapack.text import plain
from llamapack.writing.source import Source
from llamapack_runtime.pack import AdapterInfo, GgufError
from llamapack_runtime.pack.format import LORA_FOLDER, alignment_of
from llamapack_runtime.pack.lora import (
    MAX_ADAPTERS,
    MAX_SCALE,
    check_lora,
    is_usable_name,
    read_wish,
)


@dataclass(frozen=True, slots=True)
class PackAdapter:
    """`info` is what the manifest says of it."""

    file: GgufFile
    info: AdapterInfo

    @property
    def source(self) -> Source:
        entry = self.info.entry
        return Source.of_file(entry, self.file.path, self.file.state, alignment_of(entry))


def with_loras(found: Found, texts: Sequence[str]) -> Found:
    """With what --lora says, behind what the model comes with. SettingError."""
    return replace(found, adapters=(*found.adapters, *map(_read, texts)))


def read_adapters(models: Sequence[PackModel]) -> tuple[PackAdapter, ...]:
    """Of the first model, which a chat begins with. SettingError when two have one name, or one
    has a model's; ModelError for one that does not fit, which names the tensor."""
    found = models[0].found
    if len(found.adapters) > MAX_ADAPTERS:
        raise SettingError(
            f"A pack holds up to {MAX_ADAPTERS} adapters, and these are {len(found.adapters)}; "
            "leave some out."
        )
    taken = {model.name.casefold(): f"the model {model.gguf.name}" for model in models}
    adapters = []
    for one in found.adapters:
        _check_name(one, taken)
        taken[one.name.casefold()] = plain(one.path.name)
        adapters.append(_checked(one, models[0]))
    return tuple(adapters)


def acting(adapters: Sequence[PackAdapter], sums: Mapping[str, str]) -> list[object]:
    """Of those that act by themselves, what makes it another chat."""
    infos = [one.info for one in adapters if one.info.scale]
    return [[info.name, sums[info.entry], info.scale] for info in infos]


def _read(text: str) -> AdapterFile:
    try:
        wish = read_wish(text)
    except ValueError as error:
        raise SettingError(f"--lora {plain(text)[:200]} {plain(str(error))}.") from error
    return AdapterFile(wish.name, wish.path, wish.scale)


def _check_name(adapter: AdapterFile, taken: Mapping[str, str]) -> None:
    name = plain(adapter.name)[:80]
    if not is_usable_name(adapter.name) or not -MAX_SCALE <= adapter.scale <= MAX_SCALE:
        raise SettingError(
            f"The adapter '{name}' with the scale {adapter.scale:g} cannot be packed; "
            "give it another name or scale: --lora NAME=FILE:SCALE"
        )
    other = taken.get(adapter.name.casefold())
    if other is not None:
        raise SettingError(
            f"{plain(adapter.path.name)} and {other} are both called '{name}', and requests could "
            "not tell them apart; give the adapter another name: "
            f"--lora NAME={plain(str(adapter.path))}"
        )


def _checked(adapter: AdapterFile, model: PackModel) -> PackAdapter:
    if model.gguf.kind != "chat":
        raise SettingError(
            f"{model.gguf.name} does not chat, and adapters act on nothing else; leave out --lora."
        )
    file = read_gguf(adapter.path)
    try:
        check_lora(file.header, model.gguf.header, file.name)
    except GgufError as error:
        raise ModelError(str(error)) from error
    entry = f"{LORA_FOLDER}{adapter.name}.gguf"
    return PackAdapter(file, AdapterInfo(adapter.name, entry, adapter.scale))
