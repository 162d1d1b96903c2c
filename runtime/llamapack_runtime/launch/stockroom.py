"""Loads the models of a pack that has several: the pool asks for one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from llamapack_runtime.api.adapters import AdapterRack
from llamapack_runtime.api.service import State
from llamapack_runtime.api.stock import FOR_GOOD, Fit, Loads, Stock
from llamapack_runtime.errors import ProgramError
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.launch.adapters import rack_of
from llamapack_runtime.launch.loading import Loader
from llamapack_runtime.launch.preparing import Preparation, plan
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

logger = logging.getLogger(__name__)

# How long a model stays that is not the first, as in Ollama.
KEEP_ALIVE_S = 300.0


class PackStockroom:
    """`sources` begin with the model that a chat begins with. `note_first` hears of its failures
    before it was ever loaded, on a thread of its own."""

    def __init__(
        self,
        sources: Sequence[ModelSource],
        settings: Settings,
        paths: Paths,
        note_first: Callable[[ProgramError], None],
    ) -> None:
        self._sources = tuple(sources)
        self._settings = settings
        self._paths = paths
        self._note_first = note_first
        self._latest: tuple[int, Loader] | None = None
        self._first: Preparation | None = None
        self._choice: HardwareChoice | None = None

    @property
    def prepared(self) -> Preparation | None:
        """What was decided for the first model."""
        self._learn()
        return self._first

    def fit(self, index: int, taken_bytes: int) -> Fit:
        source, settings = self._sources[index], self._settings_of(index)
        try:
            taken = self._taken(index, taken_bytes)
            found = plan(source.read_header(), source.weight_bytes, settings, taken)
        except ProgramError as error:
            return Fit(f"{source.about.model.name}: {error}")
        return Fit(is_reduced=bool(found.notes))

    def loader(self, index: int, taken_bytes: int, show: Callable[[State], None]) -> Loads:
        self._learn()
        is_start = index == 0 and self._first is None
        loader = Loader(
            self._sources[index],
            self._settings_of(index),
            self._paths,
            show,
            self._note_first if is_start else _log,
            self._taken(index, taken_bytes),
            self._choice,
        )
        self._latest = index, loader
        return loader

    def _learn(self) -> None:
        """What a process decides about its processor, it decides once."""
        if self._latest is None or self._latest[1].prepared is None:
            return
        index, prepared = self._latest[0], self._latest[1].prepared
        self._choice = self._choice or prepared.choice
        if index == 0:
            self._first = prepared

    def _taken(self, index: int, taken_bytes: int) -> int:
        """Without mapping, the system knows best what is taken. The others find the first one's
        draft model there."""
        draft = self._sources[0].draft
        guesses = draft.size if draft is not None and index else 0
        return 0 if self._settings.no_mmap else taken_bytes + guesses

    def _settings_of(self, index: int) -> Settings:
        """What is said of the first model's template and vectors is not about the others."""
        if index == 0:
            return self._settings
        asked, most = self._settings.ctx_size, self._sources[index].about.model.context_length
        return replace(
            self._settings,
            alias=None,
            chat_template=None,
            chat_template_file=None,
            embeddings=False,
            pooling=None,
            ctx_size=min(asked, most) if asked and most else asked,
        )


def stocks_of(
    sources: Sequence[ModelSource], settings: Settings, adapters: AdapterRack
) -> list[Stock]:
    """The first stays, all others until nobody has used them for a while. `adapters`: the
    first's."""
    first, *others = sources
    makes_vectors = bool(settings.embeddings or settings.pooling)
    return [
        Stock(first.about.model, first.kind, FOR_GOOD, makes_vectors, adapters),
        *(
            Stock(one.about.model, one.kind, KEEP_ALIVE_S, adapters=rack_of(one.adapters))
            for one in others
        ),
    ]


def _log(problem: ProgramError) -> None:
    logger.warning("A model could not be loaded: %s", problem)
