"""What callers and the embedder say to each other: requests in, vectors out. Pure data."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from llamapack_runtime.engine.types import Failed

# How the vectors of an input's tokens become one: not at all, their mean, that of the first or of
# the last token, or a score by the model's own head. In the order of llama.cpp's numbers.
Pooling = Literal["none", "mean", "cls", "last", "rank"]
POOLINGS: tuple[Pooling, ...] = ("none", "mean", "cls", "last", "rank")

# Of one input: its vector (floats of 32 bits), or one for each token with the pooling "none".
Rows = tuple["array[float]", ...]


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """`inputs`: the tokens of each, none of them empty or longer than the embedder takes."""

    request_id: str
    inputs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """The rows of each input, as the model computed them; `compute_s` seconds went into the steps
    that these inputs were in."""

    rows: tuple[Rows, ...]
    compute_s: float


# Called once, on the embedder's thread; must return at once and never raise.
EmbedEmit = Callable[[Embedded | Failed], None]
