"""From the bytes of tokens to text that is safe to show: whole characters, no stop string.

Pure, and the same text comes out however the bytes are split."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Bytes that are not UTF-8 become U+FFFD. The text ends before the stop string that completes
    first (of several that complete at the same character, the longest), or with `includes_stop`
    after it."""

    def __init__(self, stop: Sequence[str] = (), *, includes_stop: bool = False) -> None:
        self._includes_stop = includes_stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._matchers = [_Matcher(text) for text in stop if text]
        self._held = ""  # the end of the text so far, as long as it may begin a stop string
        self.stop_sequence: str | None = None

    def push(self, data: bytes) -> str:
        """The text that has become certain with these bytes; nothing once a stop string came."""
        if self.stop_sequence is not None:
            return ""
        return self._release(self._decoder.decode(data))

    def finish(self) -> str:
        """The rest: no more bytes come, so what was held back is text."""
        if self.stop_sequence is not None:
            return ""
        text = self._release(self._decoder.decode(b"", final=True))
        if self.stop_sequence is None:
            text, self._held = text + self._held, ""
        return text

    def _release(self, new: str) -> str:
        if not self._matchers:
            return new
        text = self._held + new
        scanned = len(self._held)
        for index, character in enumerate(new, start=scanned + 1):
            completed = [m.stop for m in self._matchers if m.advance(character)]
            if completed:
                self.stop_sequence = max(completed, key=len)
                self._held = ""
                return text[: index - (0 if self._includes_stop else len(self.stop_sequence))]
        certain = len(text) - max(matcher.matched for matcher in self._matchers)
        self._held = text[certain:]
        return text[:certain]


class _Matcher:
    """Knuth-Morris-Pratt: how many characters of `stop` the text so far ends with."""

    def __init__(self, stop: str) -> None:
        self.stop = stop
        self.matched = 0
        self._fallback = _fallbacks(stop)

    def advance(self, character: str) -> bool:
        while self.matched and self.stop[self.matched] != character:
            self.matched = self._fallback[self.matched]
        if self.stop[self.matched] == character:
            self.matched += 1
        return self.matched == len(self.stop)


def _fallbacks(stop: str) -> list[int]:
    """For each length n: the longest proper prefix of `stop` that also ends `stop[:n]`."""
    table = [0] * (len(stop) + 1)
    matched = 0
    for index in range(1, len(stop)):
        while matched and stop[matched] != stop[index]:
            matched = table[matched]
        if stop[matched] == stop[index]:
            matched += 1
        table[index + 1] = matched
    return table
