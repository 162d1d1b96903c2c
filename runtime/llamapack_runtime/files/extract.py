"""Takes the text out of a document, in a child process that a bad document may take down. Knows
nothing of formats beyond their names."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llamapack_runtime.files.errors import FileProblem
from llamapack_runtime.files.kinds import tell_kind
from llamapack_runtime.files.reasons import MOST_SECONDS, MOST_TEXT_BYTES, problem
from llamapack_runtime.files.types import PAGE_BREAK, Extracted, FileKind
from llamapack_runtime.hardware.child import Ending, run_child

EXTRACT_WORKER = "--extract-worker"
# JSON writes a line end or a quote with two characters; the rest is a few words.
_MOST_OUTPUT = 2 * MOST_TEXT_BYTES + 4096


def extract(
    path: Path, name: str, program: Sequence[str], most_seconds: float = MOST_SECONDS
) -> Extracted:
    """The text of the file at `path`, whose name for people is `name`. Blocks for as long as the
    child takes, `most_seconds` at most. `program` starts this program: ours and the arguments
    before its own. FileProblem says why there is no text; OSError when the file cannot be opened.
    """
    kind = tell_kind(path, name)
    answer = _Answer()
    deadline = time.monotonic() + most_seconds
    try:
        ending = run_child(
            [*program, EXTRACT_WORKER, kind, str(path.absolute())],
            answer.hear,
            lambda: deadline - time.monotonic(),
        )
    except _TooLong:
        raise problem("damaged", name) from None
    except OSError as error:
        raise FileProblem(
            "unreadable_file",
            f"The part of this program that reads files could not be started: {error.strerror}. "
            "Close other programs and try again.",
        ) from None
    return answer.result(kind, name, ending)


class _TooLong(Exception):  # noqa: N818 - names what is wrong
    """The child says more than a text can be."""


class _Answer:
    """What the child prints, put together."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def hear(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length > _MOST_OUTPUT:
            raise _TooLong

    def result(self, kind: FileKind, name: str, ending: Ending) -> Extracted:
        if ending.was_stopped:
            raise problem("slow", name)
        try:
            said: Any = json.loads("".join(self._pieces))
        except (ValueError, RecursionError):
            raise problem(_reason_of(ending), name) from None
        if not isinstance(said, dict) or not isinstance(said.get("text"), str):
            raise problem(str(said.get("reason")) if isinstance(said, dict) else "", name)
        text = _checked(said["text"], name)
        if kind == "pdf":
            return Extracted(kind, text.count(PAGE_BREAK) + 1, text)
        return Extracted(kind, None, text.replace(PAGE_BREAK, "\n"))


def _checked(text: str, name: str) -> str:
    """A child that a document took over may say anything."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise problem("damaged", name) from None
    if size > MOST_TEXT_BYTES:
        raise problem("wordy", name)
    if "\0" in text or not text.strip():
        raise problem("damaged", name)
    return text


def _reason_of(ending: Ending) -> str:
    """SIGXCPU is the limit of seconds of processor time, the others that of memory."""
    if ending.cause == "SIGXCPU":
        return "slow"
    return "memory" if ending.cause in ("SIGKILL", "SIGSEGV", "SIGABRT") else "damaged"
