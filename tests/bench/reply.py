"""A stream's bytes and their times, read as what a person saw and when. Pure: no sockets, no clock.

Understands server-sent events in OpenAI's shapes, over HTTP/1.1 with or without chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any


class BenchError(Exception):
    """A measurement that could not be made; the text says why."""


class ReplyError(BenchError):
    """A server answered with something else than a stream of text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that came at `at`, on the clock of time.perf_counter."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Times on the clock of time.perf_counter. `is_complete` is false when the client left."""

    started: float
    ended: float
    pieces: tuple[Piece, ...]
    prompt_tokens: int
    cached_tokens: int
    reported_tokens: int  # 0 when the server did not say, or the client left before
    is_complete: bool

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def tokens(self) -> int:
        """As the server counts them; else one for each piece."""
        return self.reported_tokens or len(self.pieces)

    @property
    def first_at(self) -> float:
        if not self.pieces:
            raise ReplyError("An answer without any text; its first token has no time.")
        return self.pieces[0].at

    @property
    def first_s(self) -> float:
        """From sending the request to the first text."""
        return self.first_at - self.started

    @property
    def tokens_per_s(self) -> float:
        """Of the tokens after the first one."""
        if len(self.pieces) < 2:
            raise ReplyError(f"An answer of {len(self.pieces)} pieces has no speed.")
        return (self.tokens - 1) / (self.pieces[-1].at - self.first_at)

    def largest_gap_s(self, begin: float, end: float) -> float:
        """The longest silence between two pieces that reaches into begin..end."""
        gaps = [
            after.at - before.at
            for before, after in pairwise(self.pieces)
            if after.at > begin and before.at < end
        ]
        return max(gaps, default=0.0)


def read_reply(
    started: float, received: Sequence[tuple[float, bytes]], error: OSError | None = None
) -> Reply:
    """Raises ReplyError for another status than 200, an error event, or a broken connection."""
    head, rest = _split_head(received)
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        said = head.partition(b"\r\n")[0] + b" " + b"".join(data for _, data in rest)
        raise ReplyError(f"A server answered {said[:400]!r} ({error or 'no other error'}).")
    if error is not None:
        raise ReplyError(f"The connection broke in the middle of an answer: {error}.")
    reading = _Reading()
    for at, line in _lines(rest, is_chunked=b"transfer-encoding: chunked" in head.lower()):
        reading.take(at, line)
    return Reply(
        started=started,
        ended=received[-1][0],
        pieces=tuple(reading.pieces),
        prompt_tokens=reading.prompt_tokens,
        cached_tokens=reading.cached_tokens,
        reported_tokens=reading.tokens,
        is_complete=reading.is_complete,
    )


def _split_head(
    received: Sequence[tuple[float, bytes]],
) -> tuple[bytes, list[tuple[float, bytes]]]:
    head = b""
    for index, (at, data) in enumerate(received):
        head += data
        if b"\r\n\r\n" in head:
            head, _, rest = head.partition(b"\r\n\r\n")
            return head, [(at, rest), *received[index + 1 :]]
    raise ReplyError(f"A server closed the connection after {head[:200]!r}.")


def _lines(
    received: Sequence[tuple[float, bytes]], *, is_chunked: bool
) -> Iterator[tuple[float, bytes]]:
    """Whole lines of the body, each with the time at which its end came."""
    chunks, kept = _Chunks(), b""
    for at, data in received:
        kept += chunks.feed(data) if is_chunked else data
        *whole, kept = kept.split(b"\n")
        for line in whole:
            yield at, line.rstrip(b"\r")


class _Chunks:
    """Takes HTTP's chunk sizes out of a stream."""

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0  # bytes of the open chunk, with the two of its line end

    def feed(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while self._buffer:
            if self._left:
                taken, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
                text_left = max(0, self._left - 2)
                self._left -= len(taken)
                out += taken[:text_left]
                continue
            size, end, rest = self._buffer.partition(b"\r\n")
            if not end:
                break
            self._buffer, self._left = rest, int(size.split(b";")[0], 16) + 2
        return out


@dataclass(slots=True)
class _Reading:
    pieces: list[Piece] = field(default_factory=list)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    tokens: int = 0
    is_complete: bool = False

    def take(self, at: float, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self.is_complete = True
            return
        try:
            event: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise ReplyError(f"A server sent an event that is no JSON: {data[:200]!r}.") from error
        if "error" in event:
            raise ReplyError(f"A server ended its stream with {event['error']}.")
        for choice in event.get("choices") or ():
            text = choice.get("text") or (choice.get("delta") or {}).get("content")
            if text:
                self.pieces.append(Piece(at, text))
        self._count(event.get("usage") or {})

    def _count(self, usage: dict[str, Any]) -> None:
        self.prompt_tokens = usage.get("prompt_tokens") or self.prompt_tokens
        self.tokens = usage.get("completion_tokens") or self.tokens
        details = usage.get("prompt_tokens_details") or {}
        self.cached_tokens = details.get("cached_tokens") or self.cached_tokens
