"""How a LoRA adapter is named on a command line, for whoever packs it and whoever loads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamapack_runtime.lora_header import check_lora

__all__ = ["MAX_ADAPTERS", "MAX_SCALE", "LoraWish", "check_lora", "is_usable_name", "read_wish"]

MAX_ADAPTERS = 64
MAX_NAME_CHARS = 64
MAX_SCALE = 100.0
_FORBIDDEN = frozenset('/\\:*?"<>|=,')


@dataclass(frozen=True, slots=True)
class LoraWish:
    """`scale`: how strongly it acts where a request does not say so; 0: only where one does."""

    name: str
    path: Path
    scale: float


def read_wish(text: str) -> LoraWish:
    """From FILE, NAME=FILE, FILE:SCALE or NAME=FILE:SCALE; without a name it has the file's, less
    its ending. ValueError, whose text continues a sentence that began with what was given."""
    head, has_name, tail = text.partition("=")
    if has_name and not _FORBIDDEN & set(head) and not Path(text).exists():
        name, rest = head.strip(), tail
    else:
        name, rest = "", text
    file, scale = _split_scale(rest)
    if not file:
        raise ValueError("names no file: it must be such as pirate=pirate.gguf:0.8")
    if not -MAX_SCALE <= scale <= MAX_SCALE:
        raise ValueError(f"has the scale {scale:g}, which must be from {-MAX_SCALE:g} to 100")
    path = Path(file)
    name = name or path.name.removesuffix(".gguf")
    if not is_usable_name(name):
        raise ValueError(
            f"would be called '{name[:80]}', but a name is 1 to {MAX_NAME_CHARS} printable "
            'characters without any of / \\ : * ? " < > | = and commas; write NAME=FILE'
        )
    return LoraWish(name, path, scale)


def is_usable_name(name: str) -> bool:
    return (
        0 < len(name) <= MAX_NAME_CHARS
        and name.isprintable()
        and name == name.strip(" .")
        and not _FORBIDDEN & set(name)
    )


def _split_scale(text: str) -> tuple[str, float]:
    """A number behind the last colon; a drive's colon has a path behind it."""
    file, colon, number = text.rpartition(":")
    try:
        return (file, float(number)) if colon else (text, 1.0)
    except ValueError:
        return text, 1.0
