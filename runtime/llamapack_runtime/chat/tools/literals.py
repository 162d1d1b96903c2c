"""Values that are not written as JSON, but alike: read as they come and said as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from llamapack_runtime.chat.reading import Reader, Reading
from llamapack_runtime.chat.tools.partial_json import MAX_DEPTH
from llamapack_runtime.chat.tools.written import ObjectWriter

_BARE = re.compile(r"[-+.\w]")
_MAX_BARE = 256
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "\n": ""}
_WORDS = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class Notation:
    """`quotes` open and close a text; `escapes`: a backslash in it means something. `words` are
    those that stand for a JSON value."""

    quotes: tuple[str, ...]
    escapes: bool
    words: dict[str, str] = field(default_factory=lambda: _WORDS)

    def read(self, reader: Reader, writer: ObjectWriter) -> Reading[bool]:
        """Write the value that comes next. False where it breaks; the writer can end it."""
        for quote in self.quotes:
            if (yield from reader.literal(quote)):
                return (yield from self._text(reader, writer, quote))
        if (yield from reader.literal("{")):
            return (yield from self._items(reader, writer, "{", "}"))
        if (yield from reader.literal("[")):
            return (yield from self._items(reader, writer, "[", "]"))
        word = yield from reader.word(_BARE, _MAX_BARE)
        if not word:
            return False
        writer.value(self.words.get(word) or _json(word))
        return True

    def _text(self, reader: Reader, writer: ObjectWriter, quote: str) -> Reading[bool]:
        writer.open('"')
        while True:
            marks = (quote, "\\") if self.escapes else (quote,)
            mark = yield from reader.until(*marks, say=writer.text)
            if mark != "\\":
                writer.close()
                return mark is not None
            yield from self._escape(reader, writer.text)

    def _escape(self, reader: Reader, say: Callable[[str], None]) -> Reading[None]:
        """Behind a backslash."""
        kind = yield from reader.peek()
        wanted = {"x": 3, "u": 5}.get(kind, 1)
        while len(reader.available) < wanted and (yield from reader.more()):
            pass
        found = _ESCAPE.match("\\" + reader.available[:wanted])
        if found is None:
            say("\\")
            return
        code = found[1]
        reader.skip(len(code))
        character = chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)
        say("\ufffd" if "\ud800" <= character <= "\udfff" else character)

    def _items(self, reader: Reader, writer: ObjectWriter, begin: str, end: str) -> Reading[bool]:
        if writer.depth >= MAX_DEPTH:
            return False
        writer.open(begin)
        if not (yield from self.items(reader, writer, ":" if begin == "{" else "", end)):
            return False
        writer.close()
        return True

    def items(
        self, reader: Reader, writer: ObjectWriter, separator: str, end: str
    ) -> Reading[bool]:
        """Values with commas between them up to behind `end`; where there is a `separator`, each
        has a key before that."""
        is_first = True
        while True:
            yield from reader.space()
            if (yield from reader.literal(end)):
                return True
            if not is_first and not (yield from reader.literal(",")):
                return False
            is_first = False
            yield from reader.space()
            if separator and not (yield from self._key(reader, writer, separator)):
                return False
            if not (yield from self.read(reader, writer)):
                return False

    def _key(self, reader: Reader, writer: ObjectWriter, separator: str) -> Reading[bool]:
        """A key, bare or quoted, and what separates it from its value."""
        name = yield from self._name(reader)
        yield from reader.space()
        if name is None or not (yield from reader.literal(separator)):
            return False
        yield from reader.space()
        writer.key(name)
        return True

    def _name(self, reader: Reader) -> Reading[str | None]:
        for quote in self.quotes:
            if (yield from reader.literal(quote)):
                pieces: list[str] = []
                found = yield from reader.until(quote, say=pieces.append)
                return "".join(pieces) if found else None
        return (yield from reader.word(_BARE, _MAX_BARE)) or None


def _json(word: str) -> str:
    """A number or a JSON word as it is, anything else as a text."""
    try:
        value = json.loads(word)
    except ValueError:
        return json.dumps(word, ensure_ascii=False)
    return word if not isinstance(value, float) or value - value == 0 else json.dumps(word)
