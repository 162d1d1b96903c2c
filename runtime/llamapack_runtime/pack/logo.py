"""A logo, and what kind of image its first bytes say that it is. Decodes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_LOGO_BYTES = 256 * 1024
LOGO_KINDS = "PNG, JPEG, WebP or SVG"
# Media types and the endings of files that have them.
SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
}

# What XML may have before its first element; each alternative ends where the next one begins.
_BEFORE_ROOT = re.compile(
    rb"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>", re.S | re.I
)
_SVG_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?svg(?=[\s>/])")


@dataclass(frozen=True, slots=True)
class Logo:
    media_type: str
    data: bytes = field(repr=False)


def image_type(data: bytes) -> str | None:
    """The media type, one of `SUFFIXES`; None for everything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/svg+xml" if _is_svg(data) else None


def _is_svg(data: bytes) -> bool:
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while (found := _BEFORE_ROOT.match(data, at)) is not None:
        at = found.end()
    return _SVG_ROOT.match(data, at) is not None
