"""What callers and the engine say to each other: requests in, events out. Pure data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.sampling import SamplingParams

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.engine.grammar import Grammar

FinishReason = Literal["stop", "length", "aborted"]
# LoRA adapters that act together, by name, each with its scale; sorted, no scale is 0.
Adapters = tuple[tuple[str, float], ...]


def adapter_set(scales: Mapping[str, float]) -> Adapters:
    """Those that act, in the one order that equal sets have."""
    return tuple(sorted((name, float(scale)) for name, scale in scales.items() if scale))


@dataclass(frozen=True, slots=True)
class ReasoningLimit:
    """Reasoning that has not come to `end` by itself after `max_tokens` tokens is ended by forcing
    `end_tokens`, whose text ends with `end`. The answer begins inside it, or (`begin`) where that
    text comes."""

    max_tokens: int
    end: str
    end_tokens: tuple[int, ...]
    begin: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to generate. `max_tokens` None means: until the model stops or the context is
    full; 0 reads the prompt and generates nothing. `stop` strings never appear in the output, but
    with `includes_stop`. A lower `priority` goes first. `n_keep` tokens at the start survive a
    context shift. `keep_state` stores what the prompt leaves in the cache, for the next start of
    the program, too. The model cannot end before `min_tokens`, or at all with `ignores_end`; it
    also ends at one of `stop_tokens`. Control tokens have no text, but those of `shown_tokens` (or
    all: None). `n_probs`: each token's log probability is told, and those of as many others.
    `adapters` act while the prompt is read and the answer is generated. Negative prompt tokens
    stand for rows of `media`."""

    request_id: str
    prompt_tokens: tuple[int, ...]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    priority: int = 0
    n_keep: int = 0
    keep_state: bool = False
    min_tokens: int = 0
    ignores_end: bool = False
    includes_stop: bool = False
    stop_tokens: frozenset[int] = frozenset()
    shown_tokens: frozenset[int] | None = frozenset()
    n_probs: int | None = None
    grammar: Grammar | None = None
    reasoning_limit: ReasoningLimit | None = None
    adapters: Adapters = ()
    media: tuple[MediaSpan, ...] = ()

    @property
    def text_tokens(self) -> tuple[int, ...]:
        """The prompt without what stands for rows of `media`."""
        if not self.media:
            return self.prompt_tokens
        return tuple(token for token in self.prompt_tokens if token >= 0)


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot. `slots` sequences can run at once and `busy` do; `waiting` requests queue.
    `kv_used` of `kv_total` cells of the cache hold a token, `kv_idle` of them only for prompts to
    come. The totals count since the start."""

    slots: int = 0
    busy: int = 0
    waiting: int = 0
    kv_used: int = 0
    kv_idle: int = 0
    kv_total: int = 0
    prompt_tokens: int = 0  # that were computed
    completion_tokens: int = 0
    resident_tokens: int = 0  # of prompts, found in the cache
    restored_tokens: int = 0  # of prompts, found among saved states
    reread_tokens: int = 0  # known once, but the model's memory cannot go back to them
    draft_tokens: int = 0
    accepted_tokens: int = 0
    paused: int = 0
    refused: int = 0
    steps: int = 0
    step_seconds: float = 0.0
    prompt_token_s: float = 0.0  # the cost model's seconds for one more token of a prompt
    decode_step_s: float = 0.0  # and for a step of one token
    n_threads: int = 0
    states: int = 0
    state_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """Sent at first when the request cannot run yet: `position` others go before it."""

    position: int


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """Sent after a step that read a part of the prompt: `done` of `total` tokens are in, `cached`
    of which did not have to be read."""

    done: int
    total: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that could have been next, its bytes (control tokens: their name), and the natural
    logarithm of its probability before any sampler changed it."""

    token: int
    piece: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class SampledToken:
    """A token that was generated. `chosen` and the `top` candidates, the most likely first, are
    there when the request has `n_probs`."""

    token: int
    chosen: Candidate | None = None
    top: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """New text, whole characters only, and the number of tokens generated so far. `tokens`: those
    generated since the last delta; the text of the latest may be held back yet."""

    text: str
    completion_tokens: int
    tokens: tuple[SampledToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a request that ran. Times in seconds."""

    reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prompt_s: float
    completion_s: float
    stop_sequence: str | None = None
    draft_tokens: int = 0
    accepted_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a request that could not run or go on. `status` is the HTTP status that
    describes it best; `code` is a short machine-readable word such as context_length_exceeded.
    `retry_after_s`: when another try makes sense, whole seconds."""

    message: str
    status: int
    code: str
    retry_after_s: int | None = None


Event = Queued | PromptProgress | TextDelta | Finished | Failed
# Called on the engine thread; must return at once and never raise.
Emit = Callable[[Event], None]
