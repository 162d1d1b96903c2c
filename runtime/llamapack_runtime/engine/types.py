"""What callers and the engine say to each other: requests in, events out. Pure data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Literal

FinishReason = Literal["stop", "length", "aborted"]


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """llama.cpp's names and defaults. A temperature of 0 is greedy. `seed` None draws one."""

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None

    @property
    def is_greedy(self) -> bool:
        return self.temperature <= 0.0

    @property
    def problem(self) -> str | None:
        """Why llama.cpp would refuse these values, as a sentence, or None."""
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if isinstance(value, float) and not math.isfinite(value):
                return f"{field_.name} must be a finite number, not {value}."
        if not 0.0 < self.repeat_penalty <= 1e6:
            return f"repeat_penalty must be above 0, not {self.repeat_penalty}."
        if self.seed is not None and not 0 <= self.seed < 2**32:
            return f"seed must lie between 0 and {2**32 - 1}, not {self.seed}."
        return None


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to generate. `max_tokens` None means: until the model stops or the context is
    full; 0 reads the prompt and generates nothing. `stop` strings never appear in the output. A
    lower `priority` goes first. `n_keep` tokens at the start survive a context shift. `keep_state`
    stores what the prompt leaves in the cache, for the next start of the program, too."""

    request_id: str
    prompt_tokens: tuple[int, ...]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    priority: int = 0
    n_keep: int = 0
    keep_state: bool = False


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
    """Sent after a step that read a part of the prompt: `done` of `total` tokens are in."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """New text, whole characters only, and the number of tokens generated so far."""

    text: str
    completion_tokens: int


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
