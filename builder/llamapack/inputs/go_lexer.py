"""Takes a Go text template apart: texts, and actions with their words. Knows nothing of what an
action does. Format source: text/template and text/template/parse of Go's standard library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from llamapack.text import plain

MAX_ACTIONS = 2000
_ACTION = re.compile(r"\{\{(-(?=\s))?(.*?)((?<=\s)-)?\}\}", re.S)
_COMMENT = re.compile(r"\s*/\*.*\*/\s*", re.S)
_WORD = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\\n])*"|`[^`]*`)
      | (?P<number>-?\d{1,9})
      | (?P<field>\$?(?:\.[A-Za-z]\w*)+)
      | (?P<variable>\$\w*)
      | (?P<name>[A-Za-z]\w*)
      | (?P<mark>:=|=|[().,|])
    )""",
    re.X,
)


class TemplateProblem(Exception):  # noqa: N818 - a part of a sentence, never shown alone
    """What cannot be translated, as the middle of a sentence."""


@dataclass(frozen=True, slots=True)
class Word:
    """`kind`: text (without its quotes), number, field, variable, name or mark."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`source` is what stands between the braces, for messages."""

    words: tuple[Word, ...]
    source: str


def pieces(template: str) -> list[Text | Action]:
    """Without comments, and with the white space gone that `{{-` and `-}}` eat."""
    found: list[Text | Action] = []
    at, eats = 0, False
    for number, match in enumerate(_ACTION.finditer(template)):
        if number >= MAX_ACTIONS:
            raise TemplateProblem(f"it has more than {MAX_ACTIONS:,} actions")
        text = template[at : match.start()]
        text = text.lstrip() if eats else text
        found.append(Text(text.rstrip() if match[1] else text))
        if not _COMMENT.fullmatch(match[2]):
            found.append(Action(tuple(_words(match[2])), _shown(match[2])))
        at, eats = match.end(), match[3] is not None
    rest = template[at:]
    if "{{" in rest:
        raise TemplateProblem("it has a '{{' without its '}}'")
    found.append(Text(rest.lstrip() if eats else rest))
    return [piece for piece in found if not isinstance(piece, Text) or piece.text]


def _words(source: str) -> Iterator[Word]:
    at = 0
    while source[at:].strip():
        match = _WORD.match(source, at)
        if match is None:
            raise TemplateProblem(f"it uses '{{{{ {_shown(source)} }}}}'")
        at = match.end()
        kind = match.lastgroup or ""
        text = match[kind]
        yield Word(kind, _unquoted(text) if kind == "text" else text)


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    try:
        value = json.loads(text)
    except ValueError:
        raise TemplateProblem(f"it has the text {_shown(text)}") from None
    assert isinstance(value, str), "it stands in quotation marks"
    return value


def _shown(source: str) -> str:
    return plain(" ".join(source.split())[:80])
