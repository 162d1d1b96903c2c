"""The operators of content streams, also of damaged ones."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.files.pdf.content import Operand, operations

_LONG = 400_000


def read(data: bytes) -> list[tuple[bytes, list[Operand]]]:
    return list(operations(data))


@pytest.mark.parametrize(
    ("written", "operand"),
    [
        (b"1", 1.0),
        (b"-1.5", -1.5),
        (b"+.25", 0.25),
        (b"-.002", -0.002),
        (b"4.", 4.0),
        (b"/F1", "F1"),
        (b"/A#20B", "A B"),
        (b"(words)", b"words"),
        (b"()", b""),
        (b"(a(b)c)", b"a(b)c"),
        (b"(a\\)b\\(c\\\\)", b"a)b(c\\"),
        (b"(\\101\\7z\\n\\x)", b"A\x07z\nx"),
        (b"(one\\\ntwo)", b"onetwo"),
        (b"<414243>", b"ABC"),
        (b"<41 42\n4>", b"AB@"),
        (b"<>", b""),
        (b"[(a) -120 <42>]", [b"a", -120.0, b"B"]),
        (b"[(a(b)) 1]", [b"a(b)", 1.0]),
    ],
)
def test_an_operand_is_read(written: bytes, operand: Operand) -> None:
    assert read(written + b" Do") == [(b"Do", [operand])]


def test_operators_come_in_order_with_what_stands_before_them() -> None:
    assert read(b"BT /F1 12 Tf\n1 0 0 1 5 6 Tm(hi)Tj T*[(a)]TJ ET") == [
        (b"BT", []),
        (b"Tf", ["F1", 12.0]),
        (b"Tm", [1.0, 0.0, 0.0, 1.0, 5.0, 6.0]),
        (b"Tj", [b"hi"]),
        (b"T*", []),
        (b"TJ", [[b"a"]]),
        (b"ET", []),
    ]


def test_comments_and_values_that_text_does_not_use_are_passed_over() -> None:
    assert read(b"% (no) Tj\r/Span << /X true /Y null >> BDC") == [(b"BDC", ["Span", "X", "Y"])]


def test_the_data_of_an_inline_picture_is_passed_over() -> None:
    data = b"BI /W 1 /H 1 ID \x00(Tj)\xff<<[ EIx \nEI Q (after) Tj"
    assert [word for word, _ in read(data)] == [b"BI", b"ID", b"Q", b"Tj"]


@pytest.mark.parametrize(
    "data",
    [b"(never ends", b"<41", b"[1 2", b")>>]}", b"\x00\xff(", b"((((", b"/", b"1.2.3 4-5 --6", b""],
)
def test_what_is_damaged_raises_nothing(data: bytes) -> None:
    read(data)


def test_the_operands_of_a_damaged_stream_are_bounded() -> None:
    assert len(read(b"1 " * 100_000 + b"Tm")[0][1]) <= 64


@pytest.mark.parametrize(
    "data",
    [
        data * (_LONG // len(data))
        for data in (b" ", b"(", b"(a", b"<", b"<0", b"(\\", b"%", b"1", b"ID ", b"[", b"1 ")
    ],
    ids=range(11),
)
def test_no_stream_takes_longer_than_its_length(data: bytes) -> None:
    started = time.process_time()
    read(data)
    assert time.process_time() - started < 4


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    for word, operands in operations(data):
        assert isinstance(word, bytes)
        assert len(operands) <= 64
