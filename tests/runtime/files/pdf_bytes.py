"""Writes small PDFs byte by byte, also such as no program would write."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
_FIRST_PAGE = 10


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def packed(data: bytes) -> bytes:
    return stream(zlib.compress(data), b"/Filter /FlateDecode")


def pdf(objects: Mapping[int, bytes], root: int = 1, trailer: bytes = b"") -> bytes:
    """A file of these objects, with a table of where each one is."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n"
    for number, place in places.items():
        out += b"%d 1\n%010d 00000 n \n" % (number, place)
    size = max(objects) + 1
    out += b"trailer\n<< /Size %d /Root %d 0 R %s >>\n" % (size, root, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


def document(
    contents: Sequence[bytes],
    fonts: Mapping[str, bytes] | None = None,
    more: Mapping[int, bytes] | None = None,
    resources: bytes = b"",
    page: bytes = b"",
) -> bytes:
    """A page for each content. Fonts are objects from 3 on, `more` are further objects, and
    `resources` and `page` further entries of every page."""
    named = fonts or {"F1": HELVETICA}
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>", **(more or {})}
    references = b""
    for number, (name, font) in enumerate(named.items(), 3):
        objects[number] = font
        references += b"/%s %d 0 R " % (name.encode(), number)
    kids = b""
    for index, content in enumerate(contents):
        number = _FIRST_PAGE + 2 * index
        kids += b"%d 0 R " % number
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R %s "
            b"/Resources << /Font << %s >> %s >> >>"
        ) % (number + 1, page, references, resources)
        objects[number + 1] = content if content.startswith(b"<<") else stream(content)
    objects[2] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents))
    return pdf(objects)


def words(*lines: bytes, size: int = 12, left: int = 50, top: int = 800) -> bytes:
    """The content of a page with these lines, one below the other."""
    shown = b" T* ".join(b"(%s) Tj" % line for line in lines)
    return b"BT /F1 %d Tf %d TL %d %d Td %s ET" % (size, round(size * 1.2), left, top, shown)


def composite(to_unicode: Mapping[int, str] | None, encoding: bytes = b"/Identity-H") -> bytes:
    """A font of two bytes a glyph, 1 em wide each. Its objects 5 to 7 come from `composite_parts`;
    with None nothing says which characters its glyphs are."""
    names = b"" if to_unicode is None else b"/ToUnicode 7 0 R"
    return (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Test /Encoding %s "
        b"/DescendantFonts [5 0 R] %s >>"
    ) % (encoding, names)


def composite_parts(to_unicode: Mapping[int, str] | None) -> dict[int, bytes]:
    parts = {
        5: b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Test /DW 1000 /FontDescriptor 6 0 R "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        6: b"<< /Type /FontDescriptor /FontName /Test /Flags 4 >>",
    }
    if to_unicode is not None:
        lines = b"\n".join(
            b"<%04x> <%s>" % (code, text.encode("utf-16-be").hex().encode())
            for code, text in to_unicode.items()
        )
        parts[7] = stream(
            b"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
            b"%d beginbfchar\n%s\nendbfchar" % (len(to_unicode), lines)
        )
    return parts


def glyphs(text: str, codes: Mapping[str, int]) -> bytes:
    """A string that shows these characters in a composite font."""
    return b"<%s>" % b"".join(b"%04x" % codes[character] for character in text)


def zeros(mebibytes: int) -> bytes:
    """A zlib stream of so many, made without packing them: one packed mebibyte again and again."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + block * mebibytes + b"\x03\x00"
