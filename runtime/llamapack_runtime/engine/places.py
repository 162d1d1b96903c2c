"""At which positions a model sees the tokens of a sequence. Pure.

One after another, but with M-RoPE (Qwen2-VL and its successors), which tells the rows of an image
apart by line and column: in the cache all of them have one position, and what follows goes on
behind the longer side of the image. So the rows of an image leave the cache together.

    index      0  1 | 2  3  4  5  6  7 | 8  9
    position   0  1 | 2  2  2  2  2  2 | 5  6      3 columns, 2 lines
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from llamapack_runtime.engine.media import MediaSpan


@dataclass(frozen=True, slots=True)
class _Grid:
    """Tokens from the index `start` to before `end`, all of them at `position`; `folded`: by how
    much the position of what follows is below its index."""

    start: int
    end: int
    position: int
    folded: int


@dataclass(frozen=True, slots=True)
class Places:
    """Of a prompt and whatever text follows it."""

    grids: tuple[_Grid, ...] = ()

    @classmethod
    def of(cls, tokens: Sequence[int], media: Sequence[MediaSpan]) -> Self:
        """`tokens` have the spans of `media` whole, any number of times."""
        firsts = {span.first: span for span in media if span.columns}
        return cls(tuple(_grids(tokens, firsts))) if firsts else cls()

    def position(self, index: int) -> int:
        folded = 0
        for grid in self.grids:
            if index < grid.start:
                break
            if index < grid.end:
                return grid.position
            folded = grid.folded
        return index - folded

    def edge(self, index: int) -> int:
        """Where a sequence can end that has at most `index` tokens: not amid an image."""
        inside = (grid.start for grid in self.grids if grid.start < index < grid.end)
        return next(inside, index)


def _grids(tokens: Sequence[int], firsts: dict[int, MediaSpan]) -> Iterator[_Grid]:
    folded = 0
    for index, token in enumerate(tokens):
        span = firsts.get(token)
        if span is not None:
            position = index - folded
            folded += span.count - span.n_positions
            yield _Grid(index, index + span.count, position, folded)
