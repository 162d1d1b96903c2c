"""As few of the oldest messages as possible are left out, and no prompt is made twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.api.fitting import fitted
from llamapack_runtime.chat.prompt import Prompt


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(0, 200))
def test_as_few_are_left_out_as_it_takes(lengths: list[int], most: int) -> None:
    made: list[int] = []

    def prompt(start: int) -> Prompt:
        made.append(start)
        return Prompt((0,) * sum(lengths[start:]))

    starts = [*range(0, len(lengths), 2)]
    found, start = fitted(prompt, starts, most)
    fitting = [one for one in starts if sum(lengths[one:]) <= most]
    assert start == min(fitting, default=starts[-1])
    assert len(found.tokens) == sum(lengths[start:])
    assert len(made) == len(set(made)) <= 7


def test_what_fits_is_made_once() -> None:
    made: list[int] = []

    def prompt(start: int) -> Prompt:
        made.append(start)
        return Prompt((0,))

    assert fitted(prompt, [0, 2, 4], 1)[1] == 0
    assert made == [0]
