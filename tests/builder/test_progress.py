"""What a waiting person reads: sizes, times, the bar."""

from __future__ import annotations

import pytest

from llamapack.progress import bar_text
from llamapack.text import count_text, plain, size_text, time_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (98_362_432, "98.4 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_000, "1.0 GB"),
        (4_500_000_000, "4.5 GB"),
        (2_000_000_000_000, "2.00 TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (125, "2 min 05 s")]
)
def test_times(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999"), (134_515_008, "135M"), (7_241_732_096, "7.2B"), (1_000_000_000_000, "1.0T")],
)
def test_parameter_counts(count: int, text: str) -> None:
    assert count_text(count) == text


def test_the_bar_shows_share_size_rate_and_what_is_left() -> None:
    line = bar_text("Packing m.gguf", 2_000_000_000, 4_000_000_000, 4.0)
    assert line == (
        "Packing m.gguf  [############------------]  50%  2.0 GB of 4.0 GB  500.0 MB/s  4.0 s left"
    )


@pytest.mark.parametrize(("done", "total"), [(0, 0), (5, 5), (0, 5)])
def test_the_bar_stands_at_the_ends(done: int, total: int) -> None:
    assert "left" not in bar_text("x", done, total, 0.0)


def test_foreign_text_cannot_steer_the_terminal() -> None:
    assert plain("a\x1b[31mb\r\nä") == "a\ufffd[31mb\ufffd\ufffdä"
