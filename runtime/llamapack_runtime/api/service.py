"""What the routes serve: fixed facts about the pack, and a state that the loader replaces.

A state is one frozen object, so that another thread can swap it in a single step. Knows nothing
of HTTP or of how a model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llamapack_runtime.api.measures import Measures

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session
    from llamapack_runtime.engine.types import SamplingParams

Stage = Literal["starting", "probing", "loading", "warming"]


@dataclass(frozen=True, slots=True)
class Loading:
    """`progress` runs from 0 to 1 over the loading of the weights, whose bytes are counted."""

    stage: Stage = "starting"
    progress: float = 0.0
    loaded_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """`hardware` says in words what computes; `notes` are sentences about what was reduced."""

    session: Session
    hardware: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """`sentence` is for the person in front of the screen."""

    sentence: str


State = Loading | Ready | LoadFailed


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


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while the process runs."""

    name: str
    pack_id: str
    llamapack_version: str
    versions: Mapping[str, str]
    model: ModelCard


@dataclass(frozen=True, slots=True)
class AnswerDefaults:
    """For what a request does not say. `max_tokens` None: until the model stops."""

    sampling: SamplingParams
    max_tokens: int | None = None


class Service:
    """`state` is replaced by the loader's thread and only read here. `quit` asks the process to
    stop and returns at once. `instance_token` is known to this user's processes alone."""

    def __init__(
        self,
        about: About,
        defaults: AnswerDefaults,
        quit: Callable[[], None],  # noqa: A002 - what the page and the route call it
        instance_token: str,
    ) -> None:
        self.about = about
        self.defaults = defaults
        self.quit = quit
        self.instance_token = instance_token
        self.state: State = Loading()
        self.measures = Measures()
