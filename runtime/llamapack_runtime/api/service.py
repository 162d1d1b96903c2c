"""What the routes serve: fixed facts about the pack, and a state that the loader replaces.

A state is one frozen object, so that another thread can swap it in a single step. Knows nothing
of HTTP or of how a model is loaded.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from llamapack_runtime.api.adapters import AdapterRack
from llamapack_runtime.api.measures import Measures
from llamapack_runtime.errors import FailureCode
from llamapack_runtime.pack.brand import PLAIN, Brand
from llamapack_runtime.pack.logo import Logo
from llamapack_runtime.paths import own_command

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.api.pool import Pool
    from llamapack_runtime.chat.session import Session
    from llamapack_runtime.engine.drafter import DraftReport
    from llamapack_runtime.engine.embed_texts import TextEmbedder
    from llamapack_runtime.engine.sampling import SamplingParams
    from llamapack_runtime.files.types import Extracted
    from llamapack_runtime.store.chats import ChatStore
    from llamapack_runtime.store.responses import ResponseStore

Stage = Literal["starting", "probing", "loading", "warming"]


@dataclass(frozen=True, slots=True)
class Loading:
    """`progress` runs from 0 to 1 over the loading of the weights, whose bytes are counted."""

    stage: Stage = "starting"
    progress: float = 0.0
    loaded_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GpuWords:
    """Whether and why a graphics card computes. `code` says it for programs, `reason` in a sentence
    for people; `times`: so many times as fast as the processor, 0 where that is not known."""

    code: str
    device: str
    times: float
    layers: int
    of_layers: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """`hardware` says in words what computes, and `gpu` more about a part of it; `notes` are
    sentences about what was reduced. `embedder`: embeddings were asked for beside the chat. `draft`
    tells how the draft model is, if there is one."""

    session: Session
    hardware: str
    notes: tuple[str, ...] = ()
    embedder: TextEmbedder | None = None
    draft: Callable[[], DraftReport] | None = None
    gpu: GpuWords | None = None


@dataclass(frozen=True, slots=True)
class ReadyToEmbed:
    """A model that makes embeddings or scores documents, and does not chat."""

    embedder: TextEmbedder
    hardware: str
    notes: tuple[str, ...] = ()
    gpu: GpuWords | None = None


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """`sentence` is for the person in front of the screen; `code` says what kind of help helps."""

    sentence: str
    code: FailureCode = "other"


@dataclass(frozen=True, slots=True)
class Unloaded:
    """One of several models that is loaded when it is asked for. What was known when it was loaded
    before: see `Ready`; `n_ctx` None: it does not chat, or was never loaded."""

    hardware: str = ""
    notes: tuple[str, ...] = ()
    n_ctx: int | None = None
    gpu: GpuWords | None = None


State = Loading | Ready | ReadyToEmbed | LoadFailed | Unloaded


def resting(state: State) -> Unloaded:
    """What stays of a model that is unloaded."""
    if isinstance(state, Ready):
        return Unloaded(state.hardware, state.notes, state.session.n_ctx, state.gpu)
    if isinstance(state, ReadyToEmbed):
        return Unloaded(state.hardware, state.notes, gpu=state.gpu)
    return Unloaded()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The model as the page and the API name it. `id` is the API's name for it."""

    id: str
    name: str
    architecture: str
    quantization: str
    parameter_count: int
    context_length: int
    size_bytes: int
    has_chat_template: bool
    license: str | None
    sees_images: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while the process runs."""

    name: str
    pack_id: str
    llamapack_version: str
    versions: Mapping[str, str]
    model: ModelCard
    brand: Brand = PLAIN
    logo: Logo | None = None


@dataclass(frozen=True, slots=True)
class AnswerDefaults:
    """For what a request does not say. `max_tokens` None: until the model stops. `adapters`: those
    that it may name."""

    sampling: SamplingParams
    max_tokens: int | None = None
    adapters: AdapterRack = field(default_factory=AdapterRack)


Extract = Callable[[Path, str], "Extracted"]


_SET_ASIDE = "The file of your chats was damaged. It is kept as {}, and a new one has been begun."


class Service:
    """`state` is replaced by the loader's thread and only read here. `quit` asks the process to
    stop and returns at once. `instance_token` is known to this user's processes alone. What has to
    outlive the process goes into `data_folder`; None: nothing does. `quits_when_closed`: when the
    last page has been closed. `is_system_prompt_locked`: nobody but the packer instructs the
    model. `extract` takes the text out of a file, whose name for people comes second; it blocks,
    and raises FileProblem. `notes` are sentences about what is not as it was. `report` tells what
    helps to find out why something does not work, and blocks; `began_s` says when each stage began,
    by the monotonic clock. `pool` has all models where there are several; `state` is that of the
    first, which `about` tells of."""

    def __init__(
        self,
        about: About,
        defaults: AnswerDefaults,
        quit: Callable[[], None],  # noqa: A002 - what the page and the route call it
        instance_token: str,
        data_folder: Path | None = None,
        *,
        quits_when_closed: bool = False,
    ) -> None:
        self.about = about
        self.defaults = defaults
        self._quit = quit
        self.is_ending = False
        self.instance_token = instance_token
        self.data_folder = data_folder
        self.quits_when_closed = quits_when_closed
        self.is_system_prompt_locked = about.brand.is_system_prompt_locked
        self.extract: Extract = _extract
        self._at_end: list[Callable[[], None]] = []
        self.notes: tuple[str, ...] = ()
        self.report: Callable[[], str] | None = None
        self.began_s: dict[str, float] = {}
        self.pool: Pool | None = None
        self.state = Loading()
        self.measures = Measures()

    @property
    def state(self) -> State:
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        self.began_s.setdefault(_stage(state), time.monotonic())

    @property
    def sees_images(self) -> bool:
        """Whether one of its models does."""
        stocks = () if self.pool is None else self.pool.stocks
        cards = [one.card for one in stocks if one.kind == "chat"] or [self.about.model]
        return any(card.sees_images for card in cards)

    def quit(self) -> None:
        self.is_ending = True
        self._quit()

    def at_end(self, callback: Callable[[], None]) -> None:
        """Called from any thread when the process stops: streams that have no end of their own
        hear of it so."""
        self._at_end.append(callback)

    def end(self) -> None:
        self.is_ending = True
        for callback in self._at_end:
            callback()

    @cached_property
    def responses(self) -> ResponseStore | None:
        """Blocking, the first time. The file is opened when something is to be stored or found."""
        if self.data_folder is None:
            return None
        # SQLite: what the page and the model must not wait for.
        from llamapack_runtime.store.responses import ResponseStore

        return ResponseStore(self.data_folder / "responses.sqlite3")

    def open_chats(self, owner: str) -> ChatStore | None:
        """Blocking. The chats of this pack that belong to `owner`, any text. StoreError when the
        file cannot be had."""
        if self.data_folder is None:
            return None
        # SQLite: what the page and the model must not wait for.
        from llamapack_runtime.store.chats import ChatStore

        # Of the pack's id only the manifest knows what it is made of.
        name = hashlib.sha256(f"{self.about.pack_id}\0{owner}".encode()).hexdigest()[:32]
        path = self.data_folder / "chats" / f"{name}.sqlite3"
        store = ChatStore.open(path, lambda: time.time_ns() // 1_000_000)
        if store.set_aside is not None:
            self.notes = (*self.notes, _SET_ASIDE.format(store.set_aside))
        return store


def _extract(path: Path, name: str) -> Extracted:
    # What starts children: the page and the model must not wait for it.
    from llamapack_runtime.files.extract import extract

    return extract(path, name, own_command())


def _stage(state: State) -> str:
    if isinstance(state, Loading):
        return state.stage
    return "failed" if isinstance(state, LoadFailed) else "ready"
