"""An image is what its bytes say."""

from __future__ import annotations

import pytest

from llamapack_runtime.pack.logo import image_type

SVGS = [
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a <svg> -->\n<svg>",
    b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://x/svg11.dtd'>\n<svg width='1'>",
    b"<?xml version='1.0'?><!DOCTYPE svg [\n<!ENTITY a 'b>'>\n]>\n<svg:svg xmlns:svg='x'>",
]
OTHERS = [
    b"",
    b"GIF89a",
    b"RIFF\x00\x00\x00\x00WAVE",
    b"\x89PNG",
    b"<html><svg></svg></html>",
    b"<!-- <svg> ",
    b"<!-- a --><svgx>",
    b"<script>alert(1)</script><svg>",
    b"not <svg>",
    b"<?xml version='1.0'?>",
    b"\xff\xfe<\x00s\x00v\x00g\x00",
    b"<!--" * 60_000,
    b"<!DOCTYPE [" * 20_000,
    b" " * 250_000,
]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n rest", "image/png"),
        (b"\xff\xd8\xff\xe0 rest", "image/jpeg"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 rest", "image/webp"),
        *((data, "image/svg+xml") for data in SVGS),
    ],
)
def test_the_four_kinds_are_told_apart(data: bytes, kind: str) -> None:
    assert image_type(data) == kind


@pytest.mark.parametrize("data", OTHERS, ids=range(len(OTHERS)))
def test_all_else_is_none_of_them(data: bytes) -> None:
    assert image_type(data) is None
