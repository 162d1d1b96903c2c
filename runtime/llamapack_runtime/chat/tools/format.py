"""What a family's file says of how its models write calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls, NewId, random_id


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """`detects`: whether a chat template's source is of this family. `read` reads an answer, from
    behind its reasoning. `lark` gives the expression of what an answer may be. `marks` are the
    texts that may be control tokens and must be seen; `opening` never comes in an answer without
    calls. `stop`: texts that end an answer.

    `reads_all`: every answer must be read like this, also without tools. `reasons`: so is its
    reasoning, which is marked as calls are."""

    detects: Callable[[str], bool]
    read: Callable[[Calls], Reading[None]]
    lark: Callable[[Rules, Allowed], str]
    opening: str
    marks: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    new_id: NewId = random_id
    reads_all: bool = False
    reasons: bool = False


def has(*texts: str, without: tuple[str, ...] = ()) -> Callable[[str], bool]:
    """Detects a template with all of `texts` and none of `without`."""

    def detects(source: str) -> bool:
        return all(t in source for t in texts) and not any(t in source for t in without)

    return detects
