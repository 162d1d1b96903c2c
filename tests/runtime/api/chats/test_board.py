"""What an open tab is told, and when."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from llamapack_runtime.api.chats.board import Board


def test_what_happens_before_a_stream_begins_is_in_its_opening() -> None:
    board, seen = Board(), [b"begun"]
    stream = board.listen("a", lambda: list(seen), 1)
    seen.append(b", ended")
    board.tell("end", {}, "a")
    assert _result(anext(stream)) == b"begun, ended"


def _result(work: Coroutine[Any, Any, bytes]) -> bytes:
    """Of work that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return bytes(end.value)
    raise AssertionError("It waits.")
