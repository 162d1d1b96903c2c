"""What stands in a prompt where no text does: the rows that an encoder made of an image. Pure data.

A prompt is a row of token numbers. Rows that are no tokens have negative numbers, which count down
within a span; a number belongs to one row of one image for as long as the process lives. So what
compares, shares and saves tokens need not know that some of them are none:

    prompt  [ 1  415  220 | -17  -18  -19  -20 | 198  7 ]      span: first -17, 4 rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class MediaSpan:
    """`rows` are float32, one after another, each as long as the model's embeddings. With
    `is_whole` each row sees all of the span, which is computed in one piece then. With `columns`
    the model tells them apart by line and column (see `places`); 0: they follow one another."""

    first: int
    count: int
    rows: bytes = field(repr=False)
    is_whole: bool = False
    columns: int = 0

    def __post_init__(self) -> None:
        assert not self.columns or self.count % self.columns == 0, "the lines are equally long"

    @property
    def n_positions(self) -> int:
        """By how much what follows is further on."""
        return max(self.columns, self.count // self.columns) if self.columns else self.count

    @property
    def tokens(self) -> tuple[int, ...]:
        """The numbers that stand for it."""
        return tuple(range(self.first, self.first - self.count, -1))

    def __contains__(self, token: int) -> bool:
        return self.first - self.count < token <= self.first

    def bytes_from(self, token: int, count: int) -> bytes:
        """The rows of `count` tokens from `token` on."""
        size = len(self.rows) // self.count
        begin = (self.first - token) * size
        return self.rows[begin : begin + count * size]


def span_of(media: Sequence[MediaSpan], token: int) -> MediaSpan | None:
    """The one that a token stands for a row of."""
    return next((span for span in media if token in span), None) if token < 0 else None


def run_length(media: Sequence[MediaSpan], tokens: Sequence[int], start: int, most: int) -> int:
    """How many of `tokens` from `start` on can go into one chunk of at most `most`: text alone or
    rows of one span. What must be whole is, even if that is more than `most`."""
    end = min(len(tokens), start + max(most, 0))
    if not media or start == end:
        return end - start
    span = span_of(media, tokens[start])
    if span is None:
        return next((at for at in range(start, end) if tokens[at] < 0), end) - start
    left = span.count - (span.first - tokens[start])
    if not span.is_whole:
        left = min(left, end - start)
    expected = range(tokens[start], tokens[start] - left, -1)
    pairs = enumerate(zip(tokens[start:], expected, strict=False))
    return next((at for at, (token, row) in pairs if token != row), min(left, len(tokens) - start))
