"""Inputs are packed into batches, and long ones put together from their parts."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_embedder import FakePooled
from llamapack_runtime.engine.embed_batches import Batches
from llamapack_runtime.engine.embed_types import EmbedRequest, Pooling, Rows

Inputs = list[list[int]]


def request(name: str, inputs: Inputs) -> EmbedRequest:
    return EmbedRequest(name, tuple(map(tuple, inputs)))


def run(batches: Batches, pooled: FakePooled, limit: int) -> dict[str, list[Rows]]:
    """To the end; what each request got."""
    found: dict[str, list[Rows]] = {}
    while pieces := batches.next(limit):
        if pieces[0].start == 0:
            pooled.forget()
        rows = pooled.compute(pieces, is_polite=False)
        assert rows is not None
        found |= dict(batches.complete(pieces, rows))
    return found


def make(pooling: Pooling = "mean", *, can_split: bool = True) -> tuple[Batches, FakePooled]:
    n_batch = 8 if can_split else 64
    pooled = FakePooled(pooling, n_batch=n_batch, n_sequences=3, can_split=can_split)
    return Batches(pooling, n_sequences=3, can_split=can_split), pooled


def test_short_inputs_share_a_batch() -> None:
    batches, pooled = make()
    batches.add(request("a", [[1, 2], [3], [4, 5], [6]]))
    run(batches, pooled, 8)
    assert [[piece.tokens for piece in batch] for batch in pooled.batches] == [
        [(1, 2), (3,), (4, 5)],
        [(6,)],
    ]


def test_a_short_request_is_through_before_a_long_one() -> None:
    batches, pooled = make()
    batches.add(request("long", [[1] * 4] * 20))
    batches.add(request("short", [[2]]))
    run(batches, pooled, 8)
    through = [{piece.request_id for piece in batch} for batch in pooled.batches]
    assert "short" in through[0]


def test_what_cannot_be_split_is_computed_alone() -> None:
    batches, pooled = make(can_split=False)
    batches.add(request("a", [[1] * 20, [2]]))
    run(batches, pooled, 8)
    assert [len(batch) for batch in pooled.batches] == [1, 1]


@pytest.mark.parametrize(
    ("pooling", "expected"), [("mean", 10.0), ("cls", 0.0), ("last", 20.0), ("rank", 20.0)]
)
def test_parts_of_a_long_input_are_put_together(pooling: Pooling, expected: float) -> None:
    batches, pooled = make(pooling)
    batches.add(request("a", [list(range(21))]))
    ((rows,),) = run(batches, pooled, 8).values()
    assert [len(batch[0].tokens) for batch in pooled.batches] == [8, 8, 5]
    assert rows[0][0] == expected


def test_without_pooling_each_token_has_its_row() -> None:
    batches, pooled = make("none")
    batches.add(request("a", [list(range(21)), [7]]))
    ((long, short),) = run(batches, pooled, 8).values()
    assert [row[0] for row in long] == list(range(21))
    assert [row[0] for row in short] == [7]


def test_a_request_that_was_given_up_is_not_computed_on() -> None:
    batches, pooled = make()
    batches.add(request("a", [list(range(21))]))
    batches.add(request("b", [[1]]))
    pieces = batches.next(8)
    batches.remove("a")
    assert batches.complete(pieces, [(array("f", [1.0]),)]) == []
    assert list(run(batches, pooled, 8)) == ["b"]


@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=30), min_size=1), min_size=1
    ),
    st.booleans(),
    st.integers(1, 8),
)
def test_every_input_gets_its_own_vector(
    requests: list[Inputs], can_split: bool, limit: int
) -> None:
    batches, pooled = make(can_split=can_split)
    for number, inputs in enumerate(requests):
        batches.add(request(str(number), inputs))
    found = run(batches, pooled, limit)
    for number, inputs in enumerate(requests):
        means = [sum(tokens) / len(tokens) for tokens in inputs]
        assert [rows[0][0] for rows in found[str(number)]] == pytest.approx(means, rel=1e-5)
