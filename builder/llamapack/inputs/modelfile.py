"""Reads a Modelfile into its instructions, each with its line. Knows nothing of what they mean.

Format source: parser/parser.go of Ollama, ParseFile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llamapack.errors import ModelError
from llamapack.presets.checking import near_miss
from llamapack.text import plain

INSTRUCTIONS = ("ADAPTER", "FROM", "LICENSE", "MESSAGE", "PARAMETER", "SYSTEM", "TEMPLATE")
# Newer ones, which name code inside of Ollama, or a version of it.
FOREIGN = ("PARSER", "RENDERER", "REQUIRES")
WITH_NAME = ("MESSAGE", "PARAMETER")  # the first word says which
MAX_BYTES = 4 << 20
MAX_INSTRUCTIONS = 2000
_TRIPLE = '"""'
_HEAD = re.compile(r"\s*([^\s]+)[^\S\n]*")
_NAME = re.compile(r"([^\s]+)[^\S\n]*")


@dataclass(frozen=True, slots=True)
class Instruction:
    """`name` is what PARAMETER sets, or whose MESSAGE it is; empty for the others."""

    line: int
    word: str
    name: str
    value: str


def read_modelfile(path: Path) -> list[Instruction]:
    """Raises ModelError that names the line."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(f"Cannot read {plain(str(path))}: {error.strerror}.") from error
    name = plain(path.name)
    if data.startswith(b"GGUF"):
        raise ModelError(f"{name} is a GGUF, not a Modelfile; name it without -f.")
    if len(data) > MAX_BYTES:
        raise ModelError(f"{name} is larger than a Modelfile of {MAX_BYTES >> 20} MiB can be.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(f"{name} is not UTF-8 text; save it as UTF-8.") from error
    found = list(_Reader(text.replace("\r\n", "\n"), name).instructions())
    if not any(one.word == "FROM" for one in found):
        raise ModelError(f"{name} has no FROM line, which names the model.")
    return found


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._at = 0
        self._line = 1

    def instructions(self) -> Iterator[Instruction]:
        count = 0
        while self._skip_to_instruction():
            count += 1
            if count > MAX_INSTRUCTIONS:
                raise self._problem(self._line, f"there are more than {MAX_INSTRUCTIONS:,} lines")
            yield self._instruction()

    def _skip_to_instruction(self) -> bool:
        """Past empty lines and comments; False at the end."""
        while self._at < len(self._text):
            end = self._line_end()
            line = self._text[self._at : end].strip()
            if line and not line.startswith("#"):
                return True
            self._move(end + 1)
        return False

    def _instruction(self) -> Instruction:
        line = self._line
        word = self._take(_HEAD).upper()
        if word not in (*INSTRUCTIONS, *FOREIGN):
            near = near_miss(word, INSTRUCTIONS)
            raise self._problem(line, f"there is no instruction '{plain(word)[:40]}'", near)
        name = self._take(_NAME) if word in WITH_NAME else ""
        value = self._value(line, word)
        if not value and word not in ("SYSTEM", "TEMPLATE"):
            raise self._problem(line, f"{word} says nothing")
        return Instruction(line, word, plain(name.lower())[:80], value)

    def _value(self, line: int, word: str) -> str:
        if self._text.startswith(_TRIPLE, self._at):
            return self._quoted(line, word, _TRIPLE)
        if self._text.startswith('"', self._at):
            return self._quoted(line, word, '"')
        end = self._line_end()
        value = self._text[self._at : end].strip()
        self._move(end + 1)
        return value

    def _quoted(self, line: int, word: str, quote: str) -> str:
        """Up to a quote that a line ends with; a single one may stand inside of a line."""
        begin = self._at + len(quote)
        ending = re.compile(re.escape(quote) + r"[^\S\n]*(?=\n|\Z)")
        match = ending.search(self._text, begin)
        if match is None:
            raise self._problem(line, f"the text of {word} begins with {quote} and does not end")
        self._move(match.end() + 1)
        return self._text[begin : match.start()]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._move(match.end())
        return match[1]

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _move(self, at: int) -> None:
        self._line += self._text.count("\n", self._at, at)
        self._at = at

    def _problem(self, line: int, what: str, hint: str = "") -> ModelError:
        return ModelError(f"Line {line} of {self._name}: {what}.{hint}")
