"""Which of several models a request means; and how long Ollama's clients want it to stay."""

from __future__ import annotations

import math

import pytest

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.naming import choose
from llamapack_runtime.api.ollama.keep_alive import keep_alive_s
from llamapack_runtime.api.stock import Stock
from llamapack_runtime.model_kind import Kind
from runtime.api.stockrooms import A, B, E, stock

VECTORS = Stock(A.card, "chat", makes_vectors=True)
R = stock("R", kind="reranker")


@pytest.mark.parametrize(
    ("stocks", "name", "need", "chosen"),
    [
        ([A, B, E], None, "chat", A),
        ([A, B, E], "", "chat", A),
        ([A, B, E], "B", "chat", B),
        ([A, B, E], None, "embedding", E),
        ([A, B, E], "B", "embedding", E),
        ([VECTORS, B, E], None, "embedding", E),
        ([VECTORS, B, E], "A", "embedding", VECTORS),
        ([VECTORS, B], None, "embedding", VECTORS),
        ([A, E, R], None, "reranker", R),
        ([A, B], None, "reranker", A),
    ],
)
def test_a_model_is_found(stocks: list[Stock], name: str | None, need: Kind, chosen: Stock) -> None:
    assert choose(stocks, name, need) is chosen


@pytest.mark.parametrize(
    ("stocks", "name", "need", "status"),
    [
        ([A, B], "X", "chat", 404),
        ([A, B], "a", "chat", 404),
        ([A, E], "X", "embedding", 404),
        ([A, E], "E", "chat", 501),
        ([A, B], "B", "embedding", 501),
        ([A, E, R], "E", "reranker", 501),
    ],
)
def test_or_refused(stocks: list[Stock], name: str, need: Kind, status: int) -> None:
    with pytest.raises(ApiError) as refused:
        choose(stocks, name, need)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("100ms", 0.1),
        ("0", 0),
        ("-1", None),
        ("-1s", math.inf),
        ("-0s", 0),
        (0, 0),
        (300, 300),
        (-1, math.inf),
        (0.5, 0.5),
        (True, None),
        ([], None),
    ],
)
def test_keep_alive_in_seconds(said: object, seconds: float | None) -> None:
    assert keep_alive_s(said) == seconds
