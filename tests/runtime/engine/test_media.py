"""Rows of images among a prompt's tokens: what goes into one chunk, and what into a step."""

from __future__ import annotations

import pytest

from llamapack_runtime.engine.media import MediaSpan, run_length, span_of
from llamapack_runtime.engine.refusals import refuse
from llamapack_runtime.engine.types import Request
from runtime.engine.scheduling import run, scheduler, shape

CAUSAL = MediaSpan(-1, 8, b"ABCDEFGH")
WHOLE = MediaSpan(-20, 40, bytes(40), is_whole=True)
TEXT = tuple(range(5))


def seeing(name: str, *spans: MediaSpan, after: int = 4) -> Request:
    tokens = TEXT + tuple(token for span in spans for token in span.tokens)
    return Request(name, tokens + tuple(range(100, 100 + after)), max_tokens=1, media=spans)


def test_a_token_names_its_row() -> None:
    assert CAUSAL.tokens == (-1, -2, -3, -4, -5, -6, -7, -8)
    assert CAUSAL.bytes_from(-3, 2) == b"CD"
    assert span_of((CAUSAL, WHOLE), -20) is WHOLE
    assert span_of((CAUSAL, WHOLE), -9) is None
    assert span_of((CAUSAL, WHOLE), 3) is None


@pytest.mark.parametrize(
    ("start", "most", "length"),
    [
        (0, 100, 5),  # text ends where an image begins
        (2, 2, 2),
        (5, 100, 8),  # an image where the next begins
        (5, 3, 3),
        (7, 100, 6),
        (13, 100, 40),
        (13, 1, 40),  # what must be whole is
        (53, 100, 4),
        (0, 0, 0),
    ],
)
def test_a_chunk_holds_text_or_rows_of_one_image(start: int, most: int, length: int) -> None:
    tokens = (*TEXT, *CAUSAL.tokens, *WHOLE.tokens, 1, 2, 3, 4)
    assert run_length((CAUSAL, WHOLE), tokens, start, most) == length


def test_what_a_shifted_context_left_of_an_image_is_one_chunk() -> None:
    assert run_length((WHOLE,), (-50, -51, 7, 8), 0, 1) == 2


def test_the_same_image_twice_is_two_chunks() -> None:
    assert run_length((CAUSAL,), CAUSAL.tokens * 2, 0, 100) == 8


def test_images_are_read_in_steps_of_their_own_chunks() -> None:
    under_test = scheduler()
    under_test.submit(seeing("a", CAUSAL, WHOLE))
    sizes = [run(under_test, 6)[0].chunks for _ in range(5)]
    assert [len(chunks[0].tokens) for chunks in sizes] == [5, 6, 2, 40, 4]
    assert [chunks[0].media for chunks in sizes] == [None, CAUSAL, CAUSAL, WHOLE, None]
    assert [chunks[0].n_logits for chunks in sizes] == [0, 0, 0, 0, 1]


def test_rows_of_logits_are_counted_over_text_alone() -> None:
    under_test = scheduler()
    under_test.submit(seeing("a", WHOLE))
    run(under_test, 6)
    under_test.submit(Request("b", (50, 51, 52)))
    step = run(under_test, 60)[0]
    assert sorted(shape(step)) == [("a", 40), ("b", 3)]
    assert [(chunk.request_id, row) for chunk, row in step.with_rows()] == [("b", 2)]


def test_a_second_turn_finds_the_image_in_the_cache() -> None:
    under_test = scheduler()
    under_test.submit(seeing("a", CAUSAL))
    for _ in range(3):
        run(under_test, 100)
    longer = seeing("b", CAUSAL, after=20)
    under_test.submit(longer)
    run(under_test, 100)
    assert under_test.resident_tokens == 5 + 8 + 4


def test_another_image_shares_nothing_but_the_text_before_it() -> None:
    under_test = scheduler()
    under_test.submit(seeing("a", CAUSAL))
    for _ in range(3):
        run(under_test, 100)
    under_test.submit(seeing("b", MediaSpan(-100, 8, bytes(8))))
    run(under_test, 100)
    assert under_test.resident_tokens == 5


def test_two_images_that_must_be_whole_do_not_wait_for_each_other_for_ever() -> None:
    """Each has read its text, and there is room for one of them alone."""
    under_test = scheduler(n_ctx=64, n_slots=2)
    other = MediaSpan(-200, 40, bytes(40), is_whole=True)
    under_test.submit(seeing("a", WHOLE))
    under_test.submit(
        Request("b", (*range(30, 40), *other.tokens, 1, 2), max_tokens=1, media=(other,))
    )
    done: list[str] = []
    for _ in range(30):
        done += run(under_test, 60)[1]
    assert sorted(done) == ["a", "b"]


@pytest.mark.parametrize(
    ("tokens", "media", "words"),
    [
        ((1, -1, 2), (), "must lie between 0 and 9"),
        ((1, -9, 2), (CAUSAL,), "must lie between 0 and 9"),
        ((1, 2, *CAUSAL.tokens), (CAUSAL,), "ends with an image"),
        ((1, *CAUSAL.tokens, 10), (CAUSAL,), "must lie between 0 and 9"),
    ],
)
def test_what_stands_for_no_row_is_refused(
    tokens: tuple[int, ...], media: tuple[MediaSpan, ...], words: str
) -> None:
    refusal = refuse(Request("a", tokens, media=media), frozenset(), n_ctx=64, n_vocab=10)
    assert refusal is not None
    assert words in refusal.message


def test_rows_are_no_words() -> None:
    request = seeing("a", CAUSAL)
    assert refuse(request, frozenset(), n_ctx=64, n_vocab=200) is None
    assert request.text_tokens == (*TEXT, 100, 101, 102, 103)
