"""Leaves the oldest messages of a conversation out, until the rest fits the context."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llamapack_runtime.chat.prompt import Prompt


def fitted(
    prompt: Callable[[int], Prompt], starts: Sequence[int], most_tokens: int
) -> tuple[Prompt, int]:
    """The prompt that leaves out as few messages as it must, and how many; the one that leaves out
    the most when none fits. `prompt(n)` is made without the first n messages, at least once and
    never twice; the later the start, the shorter it is. `starts` are those n that a conversation
    may begin after, in order and not empty."""
    made = prompt(starts[0])
    if len(made.tokens) <= most_tokens:
        return made, starts[0]
    best: tuple[Prompt, int] | None = None
    # One prompt at a time: all together have as many messages as the conversation has squared.
    low, high = 1, len(starts)
    while low < high:
        middle = (low + high) // 2
        made = prompt(starts[middle])
        if len(made.tokens) <= most_tokens:
            best, high = (made, starts[middle]), middle
        else:
            low = middle + 1
    return best or (made, starts[-1])  # where none fits, the last one was asked for last
