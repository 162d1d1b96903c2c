"""Reads the text of an answer while it is still coming. Pure.

What a family of models writes is told as a generator over a `Reader`, in the order in which it is
written: take this mark, then everything up to that one. It yields whenever more text is needed to
decide, so how the text is split into pieces cannot matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import TypeVar

from llamapack_runtime.chat.parts import Content, Part, Reasoning, joined

T = TypeVar("T")
# Yields for more text; returns its result.
Reading = Generator[None, None, T]

_SPACE = re.compile(r"\s*")


class Reader:
    """The text so far, how much of it is read, and the parts it became."""

    def __init__(self) -> None:
        self.is_reasoning = False
        self.is_cut_off = False  # no more text comes, though the model had not ended
        self._text = ""
        self._at = 0  # what is before it has been read
        self._kept: int | None = None  # where `rewind` goes
        self._ended = False
        self._parts: list[Part] = []

    def feed(self, text: str) -> None:
        start = self._at if self._kept is None else self._kept
        self._text = self._text[start:] + text
        self._at -= start
        self._kept = None if self._kept is None else 0

    def end(self, *, is_cut_off: bool = False) -> None:
        """No more text comes."""
        self._ended = True
        self.is_cut_off = is_cut_off

    def taken_parts(self) -> list[Part]:
        """Those since the last call."""
        parts, self._parts = joined(self._parts), []
        return parts

    def emit(self, part: Part) -> None:
        self._parts.append(part)

    def content(self, text: str) -> None:
        if text:
            self.emit(Content(text))

    def reasoning(self, text: str) -> None:
        if text:
            self.emit(Reasoning(text))

    def keep(self) -> None:
        """From here on: `rewind` comes back to this place, until `release`."""
        self._kept = self._at

    def release(self) -> None:
        self._kept = None

    @property
    def is_kept(self) -> bool:
        return self._kept is not None

    def rewind(self) -> None:
        assert self._kept is not None, "keep before you rewind"
        self._at, self._kept = self._kept, None

    def drop(self) -> None:
        """All that is available is nothing."""
        self._at, self._kept = len(self._text), None

    @property
    def available(self) -> str:
        return self._text[self._at :]

    def skip(self, count: int) -> None:
        """Read `count` of the available characters."""
        self._at += count

    def more(self) -> Reading[bool]:
        """Wait for more text; False when none comes."""
        if self._ended:
            return False
        yield
        return True

    def peek(self) -> Reading[str]:
        """The next character, "" at the end."""
        while self._at >= len(self._text):
            if not (yield from self.more()):
                return ""
        return self._text[self._at]

    def literal(self, text: str) -> Reading[bool]:
        """Read `text` if it comes next; also a part of it that was cut off, which is nothing."""
        while not self._text.startswith(text, self._at):
            if not text.startswith(self.available):
                return False
            if not (yield from self.more()):
                self._at = len(self._text) if self.is_cut_off else self._at
                return False
        self._at += len(text)
        return True

    def space(self) -> Reading[None]:
        """Read what white space comes next."""
        while True:
            found = _SPACE.match(self._text, self._at)
            assert found is not None, "the expression matches nothing, too"
            self._at = found.end()
            if self._at < len(self._text) or not (yield from self.more()):
                return

    def word(self, allowed: re.Pattern[str], limit: int) -> Reading[str]:
        """The characters that come next and each match `allowed`, up to `limit` of them."""
        word = ""
        while len(word) < limit:
            character = yield from self.peek()
            if not character or not allowed.fullmatch(character):
                break
            word += character
            self._at += 1
        return word

    def until(self, *marks: str, say: Callable[[str], None]) -> Reading[str | None]:
        """Say the text up to the first of the `marks`, and read that, too. None when the text ends
        before any: then all was said, but for a mark that was cut off. No mark begins another."""
        while True:
            text = self.available
            found = [(at, mark) for mark in marks if (at := text.find(mark)) >= 0]
            at, mark = min(found, default=(len(text), None))
            # The end of the text may begin a mark that is longer and begins earlier.
            is_whole = self._ended and not self.is_cut_off
            certain = len(text) if is_whole else min(_begun(text, mark_) for mark_ in marks)
            if mark is not None and at <= certain:
                self._at += at + len(mark)
                say(text[:at])
                return mark
            certain = min(certain, at)
            self._at += certain
            say(text[:certain])
            if not (yield from self.more()):
                if not self.is_cut_off:
                    say(self.available)
                self._at = len(self._text)
                return None

    def rest(self, say: Callable[[str], None]) -> Reading[None]:
        """Say everything that comes."""
        while True:
            say(self.available)
            self._at = len(self._text)
            if not (yield from self.more()):
                return


class ReadingParser:
    """An AnswerParser. What `read` leaves of the text is content."""

    def __init__(self, read: Callable[[Reader], Reading[None]]) -> None:
        self._reader = Reader()
        self._steps = self._all(read)
        next(self._steps, None)

    @property
    def is_reasoning(self) -> bool:
        return self._reader.is_reasoning

    def push(self, text: str) -> list[Part]:
        self._reader.feed(text)
        next(self._steps, None)
        return self._reader.taken_parts()

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:
        self._reader.end(is_cut_off=is_cut_off)
        next(self._steps, None)
        return self._reader.taken_parts()

    def _all(self, read: Callable[[Reader], Reading[None]]) -> Reading[None]:
        yield from read(self._reader)
        yield from self._reader.rest(self._reader.content)


def _begun(text: str, mark: str) -> int:
    """Where the end of `text` begins `mark` without finishing it; its length if nowhere."""
    start = max(0, len(text) - len(mark) + 1)
    return next((at for at in range(start, len(text)) if mark.startswith(text[at:])), len(text))
