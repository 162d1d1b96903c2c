"""A file's name as a sentence can show it. A name is untrusted: it may be very long, hold line
ends, or marks that turn the rest of the sentence around."""

from __future__ import annotations

import unicodedata

_LONGEST = 60
_TAIL = 20
# No more than this is looked at from either end.
_LOOKED_AT = 1000
_NO_NAME = "This file"


def shown_name(name: str) -> str:
    """The last part of the path in quotes, without control and direction marks, at most 60
    characters with the middle left out; "This file" where nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    if len(last) > 2 * _LOOKED_AT:
        last = last[:_LOOKED_AT] + last[-_LOOKED_AT:]
    normal = unicodedata.normalize("NFC", last)
    plain = " ".join("".join(_shown(character) for character in normal).split())
    if len(plain) > _LONGEST:
        plain = f"{plain[: _LONGEST - _TAIL - 1]}…{plain[-_TAIL:]}"
    return f'"{plain}"' if plain else _NO_NAME


def suffix(name: str) -> str:
    """What follows the last point, in small letters: "pdf"; empty where there is none."""
    stem, point, end = name[-_LOOKED_AT:].strip().rpartition(".")
    return end.lower() if point and stem and end.isalnum() else ""


def _shown(character: str) -> str:
    """Controls, marks of direction, lone surrogates and unassigned ones become nothing; so do
    quotes, which would end the name early."""
    if character.isspace():
        return " "
    if character == '"' or unicodedata.category(character).startswith("C"):
        return ""
    return character
