"""What the bytes of a string say in one font: characters and their widths. The tables come from
pypdf; this keeps what was looked up, so that a page costs little after the first."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from pypdf.generic._font import Font

_TWO_BYTES = "utf-16-be"
# Composite fonts with other encodings say which character a glyph is in /ToUnicode, or nowhere.
_UNICODE_ENCODINGS = ("-UCS2-", "-UTF16-")
_NOTHING: dict[Any, Any] = {}
# Widths are in thousandths of the size (ISO 32000-2, 9.2.4).
_EM = 1000.0
_USUAL_SPACE = 0.25


class Face:
    """A font as text extraction needs it. `space` is the width of a space in sizes."""

    def __init__(self, resource: Any) -> None:
        font = Font.from_font_resource(resource)
        encoding = str(resource.get("/Encoding", ""))
        self.is_vertical = encoding.endswith("-V")
        self.space = _space(font)
        self._names: dict[Any, Any] = font.character_map if font.interpretable else _NOTHING
        self._is_named = font.interpretable and _is_named(font, encoding)
        self._encoding = font.encoding
        self._font_widths = font.character_widths
        self._default_width = font.character_widths.get("default", _EM / 2)
        self._units: dict[Any, str] = {}
        self._widths: dict[Any, float] = {}

    def read(self, string: bytes) -> tuple[list[str], float, int]:
        """The text of each glyph ("" where nothing says it), the sum of their widths in sizes, and
        the number of spaces that count for word spacing (9.3.3: codes 32 of one byte)."""
        codes, spaces = self._codes(string)
        units, widths = self._units, self._widths
        try:
            return [units[code] for code in codes], sum([widths[code] for code in codes]), spaces
        except KeyError:
            self._learn(codes)
        return [units[code] for code in codes], sum([widths[code] for code in codes]), spaces

    def _learn(self, codes: Iterable[int | str]) -> None:
        for code in set(codes):
            self._units[code] = self._unit(code)
            width = self._font_widths.get(_key(code), self._default_width)
            self._widths[code] = float(width) / _EM

    def _codes(self, string: bytes) -> tuple[Any, int]:
        """Numbers of one byte or two, or characters of an encoding that has both."""
        if not isinstance(self._encoding, str):
            return string, string.count(b" ")
        if self._encoding == _TWO_BYTES:
            count = len(string) // 2
            return struct.unpack_from(f">{count}H", string), 0
        return string.decode(self._encoding, "replace"), 0

    def _unit(self, code: int | str) -> str:
        if isinstance(self._encoding, dict):
            # A glyph's own name, as in "/g12", says nothing.
            text = str(self._encoding.get(code, _key(code)))  # type: ignore[arg-type]  # a number
            named = "" if len(text) > 1 and text.startswith("/") else text
            return "".join(str(self._names.get(character, character)) for character in named)
        key = _key(code)
        return str(self._names.get(key, key if self._is_named else ""))


def _key(code: int | str) -> str:
    """The form in which pypdf keeps codes."""
    return chr(code) if isinstance(code, int) else code


def _space(font: Font) -> float:
    width = float(font.space_width) / _EM
    return width if 0.1 <= width <= 1 else _USUAL_SPACE


def _is_named(font: Font, encoding: str) -> bool:
    """Whether codes are characters by themselves."""
    if font.encoding == _TWO_BYTES:
        return any(mark in encoding for mark in _UNICODE_ENCODINGS)
    return True
