"""The LoRA adapters that requests may name, and how strongly each acts where they name none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.engine.types import Adapters, adapter_set

MAX_NAMED = 64  # adapters in a request
MAX_SCALE = 100.0

Scale = Annotated[float, Meta(ge=-MAX_SCALE, le=MAX_SCALE)]


class NamedAdapter(msgspec.Struct, frozen=True):
    """One by its `id` (llama-server's, its place in the list) or `name`. What else the list tells
    of an adapter may come back with it."""

    scale: Scale
    id: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AdapterCard:
    """`scale`: how strongly it acts in requests that name no adapters; 0: not at all."""

    name: str
    scale: float


class AdapterRack:
    """All adapters of a model. The scales are replaced as a whole, so any thread may read them."""

    def __init__(self, cards: Sequence[AdapterCard] = ()) -> None:
        self.names = tuple(card.name for card in cards)
        self._scales = tuple(card.scale for card in cards)

    @property
    def default(self) -> Adapters:
        """Of requests that name none."""
        return adapter_set(dict(zip(self.names, self._scales, strict=True)))

    def cards(self) -> tuple[AdapterCard, ...]:
        return tuple(map(AdapterCard, self.names, self._scales))

    def change(self, wanted: Iterable[NamedAdapter]) -> None:
        """From now on. Those that are not named act no more, as llama-server has it. BadRequest."""
        scales = self._scales_of(wanted, "id")
        self._scales = tuple(scales.get(name, 0.0) for name in self.names)

    def of_request(
        self, wanted: Sequence[NamedAdapter] | None, model: str | None = None, param: str = "lora"
    ) -> Adapters:
        """Those that a request names, else the one that it takes for a model (with or without
        Ollama's tag), else those that act by themselves. BadRequest for one that there is not."""
        if wanted:
            return adapter_set(self._scales_of(wanted, param))
        name = (model or "").removesuffix(":latest")
        return adapter_set({name: 1.0}) if name in self.names else self.default

    def of_names(self, scales: Mapping[str, float]) -> Adapters:
        """As the page names them; one that is gone is passed over, the others act as usual."""
        usual = dict(zip(self.names, self._scales, strict=True))
        known = {name: scale for name, scale in scales.items() if name in usual}
        return adapter_set({**usual, **known})

    def listed(self, adapters: Adapters) -> list[dict[str, Any]]:
        """As llama-server lists what acts in a request."""
        return [{"id": self.names.index(name), "scale": scale} for name, scale in adapters]

    def _scales_of(self, wanted: Iterable[NamedAdapter], param: str) -> dict[str, float]:
        return {self._name_of(one, param): one.scale for one in wanted}

    def _name_of(self, wanted: NamedAdapter, param: str) -> str:
        if wanted.id is None and wanted.name is None:
            raise BadRequest("An adapter needs its 'id' or its 'name'.", param)
        by_id = wanted.id is not None and 0 <= wanted.id < len(self.names)
        named = self.names[wanted.id] if by_id and wanted.id is not None else None
        name = named if wanted.name is None else wanted.name
        if name not in self.names or (wanted.id is not None and named != name):
            asked = wanted.id if wanted.name is None else f"'{wanted.name[:100]}'"
            raise BadRequest(f"'{param}' names the adapter {asked}, but {self._words()}.", param)
        return name

    def _words(self) -> str:
        if not self.names:
            return "this program has none"
        found = (f"'{name}' (id {at})" for at, name in enumerate(self.names))
        return f"there are {', '.join(found)}" if len(self.names) > 1 else f"there is {next(found)}"
