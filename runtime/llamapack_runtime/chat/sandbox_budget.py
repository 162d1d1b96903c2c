"""What one rendering of a template may cost: steps, characters and seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from llamapack_runtime.chat.sandbox_sizes import MAX_CHARACTERS, size

MAX_STEPS = 1_000_000
MAX_SECONDS = 5.0

VARIABLE = "the budget"  # with a space, so that no template can name it


class Budget:
    """What is left of one rendering. `charge` raises SecurityError when nothing is."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self.steps = MAX_STEPS
        self.characters = MAX_CHARACTERS
        self.deadline_s = time.monotonic() + seconds

    def charge(self, characters: int) -> None:
        """One step that makes `characters` of text. What a step reads is paid by its time: so
        much can one operation not read that a look at the clock behind it came too late."""
        self.steps -= 1
        self.characters -= characters
        if self.steps < 0 or self.characters < 0:
            raise SecurityError("the template does too much work")
        if time.monotonic() > self.deadline_s:
            raise SecurityError("the template takes too long")


def budget_of(context: Context) -> Budget:
    budget = context.get(VARIABLE)
    assert isinstance(budget, Budget), "render with the environment's variables"
    return budget


@pass_context
def counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """Each is a step; lists among them have been made for it."""
    budget = budget_of(context)
    for item in items:
        budget.charge(size(item) if isinstance(item, list) else 0)
        yield item
