"""What the probe and its child say to each other: one order down, events up, each a line of JSON.
Knows nothing of processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

Kind = Literal["decode", "prompt"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The child is about to touch this variant: if it dies now, this one did it."""

    variant: str


@dataclass(frozen=True, slots=True)
class Scored:
    """The variant's own opinion of the CPU; 0 means that it cannot run here."""

    variant: str
    score: int


@dataclass(frozen=True, slots=True)
class Timed:
    """`tokens` were computed with `threads` in `seconds`, in which the child got `cpu_seconds` of
    processor time, all threads together; where the system counts that too coarsely, it is given as
    if nothing had disturbed."""

    variant: str
    kind: Kind
    threads: int
    tokens: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Computed:
    """Some logits of the sample prompt, to compare the variants with each other."""

    variant: str
    logits: list[float]


@dataclass(frozen=True, slots=True)
class GemmTimed:
    """A step of `tokens` with the fastest variant on one thread, with the GEMM library and without:
    seconds of processor time, and how far apart the logits are as a share of their size."""

    tokens: int
    with_s: float
    without_s: float
    distance: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The variant could not be loaded or refused to compute, in an orderly way."""

    variant: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """A device of the GPU library that is tried; fields as in `GpuDevice`."""

    name: str
    description: str
    kind: str
    total_bytes: int
    free_bytes: int
    number: str


@dataclass(frozen=True, slots=True)
class NoDriver:
    """The system has none that the library could use."""


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more will come."""


Event = Begun | Scored | Timed | Computed | GemmTimed | Failed | Found | NoDriver | Done
_EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (Begun, Scored, Timed, Computed, GemmTimed, Failed, Found, NoDriver, Done)
}


def encode_event(event: Event) -> str:
    """One line without its end."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def decode_event(line: str) -> Event | None:
    """None for a line that is no event: one cut off by a crash, or printed by a library."""
    try:
        fields = json.loads(line)
        return _EVENTS[fields.pop("event")](**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What the child shall do within `seconds`. `variants` are pairs of name and path. `history`
    holds encoded events of an earlier child about these variants. `scratch_folder` is used where
    memory cannot hold a file. Thread counts are tried only if there are several."""

    library_folder: str
    variants: tuple[tuple[str, str], ...]
    quantizations: tuple[str, ...]
    seconds: float
    scratch_folder: str
    decode_threads: tuple[int, ...]
    prompt_threads: tuple[int, ...]
    gemm: str = ""  # the path of the GEMM library, if it is to be tried
    history: tuple[str, ...] = ()

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> WorkOrder:
        """ValueError when the text is no order."""
        try:
            fields = json.loads(text)
            fields["variants"] = tuple((name, path) for name, path in fields["variants"])
            for key in ("quantizations", "decode_threads", "prompt_threads", "history"):
                fields[key] = tuple(fields[key])
            return cls(**fields)
        except (TypeError, KeyError) as error:
            raise ValueError(f"The probe's order cannot be read: {error!r}.") from error


@dataclass(frozen=True, slots=True)
class GpuOrder:
    """What the child shall do with one GPU library: name its devices, and unless `is_listing`
    compare them with the CPU variant, given as its path. Those in `passed_over` are left out."""

    library_folder: str
    library: tuple[str, str]  # its kind and its path
    variant: str
    quantizations: tuple[str, ...]
    scratch_folder: str
    threads: int
    threads_batch: int
    is_listing: bool = False
    passed_over: tuple[str, ...] = ()

    def encode(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> GpuOrder:
        """ValueError when the text is no order."""
        try:
            fields = json.loads(text)
            for key in ("library", "quantizations", "passed_over"):
                fields[key] = tuple(fields[key])
            return cls(**fields)
        except (TypeError, KeyError) as error:
            raise ValueError(f"The GPU trial's order cannot be read: {error!r}.") from error
