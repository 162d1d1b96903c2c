"""How a packer wants the chat page to look and to speak: checked values, wherever they come from.
Pure; knows nothing of JSON, of flags, or of where the logo's bytes are."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from llamapack_runtime.pack.errors import BrandError

MAX_PROMPTS = 8
# Those that the page has sentences in.
LANGUAGES = ("en", "zh")
# The most characters of each text, and those that are one line.
MAX_CHARS = {
    "title": 80,
    "description": 300,
    "author": 120,
    "welcome": 2000,
    "prompts": 200,  # each
    "disclaimer": 500,
    "about": 4000,
}
ONE_LINE = ("title", "description", "author")
COLOR_PATTERN = "#[0-9A-Fa-f]{6}"
_COLOR = re.compile(COLOR_PATTERN)
# Control characters but tab and line feed, and halves of characters, which UTF-8 cannot hold.
_UNUSABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_ENDS = re.compile(r"[\t\n\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Brand:
    """None, an empty tuple and False stand for: as it is without a packer's wish. `color` is
    "#rrggbb", `description` says what the pack is for, `prompts` are suggestions for a first
    message, `languages` those that the page offers, of which the first is for a browser that asks
    for none of them, and `logo` is the name of an entry. Raises BrandError, which names the
    field."""

    title: str | None = None
    color: str | None = None
    logo: str | None = None
    welcome: str | None = None
    prompts: tuple[str, ...] = ()
    disclaimer: str | None = None
    about: str | None = None
    description: str | None = None
    author: str | None = None
    languages: tuple[str, ...] = ()
    is_system_prompt_locked: bool = False

    def __post_init__(self) -> None:
        for name in (*ONE_LINE, "welcome", "disclaimer", "about"):
            text = getattr(self, name)
            if text is not None:
                _check_text(name, text)
        if self.color is not None and not _COLOR.fullmatch(self.color):
            raise BrandError("color", f"must be a colour such as #1a7f5a, not {self.color!r:.40}")
        if len(self.prompts) > MAX_PROMPTS:
            raise BrandError("prompts", f"may be {MAX_PROMPTS} at most, not {len(self.prompts)}")
        for prompt in self.prompts:
            _check_text("prompts", prompt)
        for one in self.languages:
            if one not in LANGUAGES:
                there_are = " and ".join(LANGUAGES)
                raise BrandError("languages", f"may be of {there_are}, not {one!r:.40}")
            if self.languages.count(one) > 1:
                raise BrandError("languages", f"must not have {one!r} twice")

    @property
    def wishes(self) -> dict[str, Any]:
        """The fields that differ from the usual, by name."""
        pairs = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: value for name, value in pairs if value != getattr(PLAIN, name)}


PLAIN = Brand()


def _check_text(name: str, text: str) -> None:
    most = MAX_CHARS[name]
    if not text.strip():
        raise BrandError(name, "must hold a text that is not empty")
    if len(text) > most:
        raise BrandError(name, f"may have {most:,} characters at most, not {len(text):,}")
    if _UNUSABLE.search(text):
        raise BrandError(name, "must be plain text without control characters")
    if name in ONE_LINE and _LINE_ENDS.search(text):
        raise BrandError(name, "must be one line")
