"""Positions of tokens when images are told apart by line and column."""

from __future__ import annotations

from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.native_batch import positions_of
from llamapack_runtime.engine.places import Places
from llamapack_runtime.engine.step import Chunk, Copy, Remove
from llamapack_runtime.engine.types import Request
from runtime.engine.scheduling import run, scheduler

GRID = MediaSpan(-1, 6, bytes(6), columns=3)  # 2 lines
ROW = MediaSpan(-11, 4, bytes(4))
TOKENS = (7, 8, *GRID.tokens, 9, *ROW.tokens, *GRID.tokens, 10, 11)
POSITIONS = [0, 1, *[2] * 6, 5, 6, 7, 8, 9, *[10] * 6, 13, 14]


def test_rows_of_an_image_share_a_position_and_the_longer_side_is_skipped() -> None:
    places = Places.of(TOKENS, (GRID, ROW))
    assert [places.position(index) for index in range(len(TOKENS))] == POSITIONS
    assert places.position(100) == 100 - 6


def test_a_sequence_does_not_end_amid_an_image() -> None:
    places = Places.of(TOKENS, (GRID, ROW))
    assert [places.edge(index) for index in (1, 2, 3, 7, 8, 11, 14, 18, 19)] == [
        1, 2, 2, 2, 8, 11, 13, 13, 19,
    ]  # fmt: skip


def test_text_alone_is_where_it_stands() -> None:
    places = Places.of((1, 2, *ROW.tokens), (ROW,))
    assert [places.position(index) for index in range(9)] == [*range(9)]


def test_a_row_says_its_line_and_its_column() -> None:
    assert positions_of(5, 3, columns=3, first=2) == [5, 5, 5, 5, 6, 6, 7, 5, 6, 0, 0, 0]
    assert positions_of(5, 2, columns=0, first=9) == [5, 6] * 4


def test_chunks_and_operations_are_told_in_positions() -> None:
    under_test = scheduler()
    tokens = (7, 8, *GRID.tokens, *range(20, 30))
    under_test.submit(Request("a", tokens, max_tokens=1, media=(GRID,)))
    chunks: list[Chunk] = []
    for _ in range(4):
        chunks += run(under_test, 5)[0].chunks
    assert [(chunk.start, chunk.position) for chunk in chunks] == [(0, 0), (2, 2), (7, 2), (8, 5)]
    assert chunks[2].positions == [2]
    run(under_test, 100)
    under_test.submit(Request("b", (*tokens[:12], 50, 51), max_tokens=1, media=(GRID,)))
    assert under_test.plan(100).operations == (Copy(0, 1, 0, 9),)


def test_a_step_that_was_not_computed_leaves_nothing_of_an_image() -> None:
    under_test = scheduler()
    under_test.submit(Request("a", (7, 8, *GRID.tokens, 9, 10), max_tokens=1, media=(GRID,)))
    run(under_test, 5)
    run(under_test, 5)
    assert under_test.sequence("a").n_cached == 7
    under_test.withdraw(under_test.plan(5))
    assert under_test.sequence("a").n_cached == 2
    assert under_test.residents.take_operations() == (Remove(0, 2),)
    under_test.check_integrity()
