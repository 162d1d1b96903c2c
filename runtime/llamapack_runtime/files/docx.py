"""Takes the text out of a .docx with mammoth, after the file was found to be no bomb. Pictures are
never opened, and nothing outside of the file is read."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterator
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import mammoth

from llamapack_runtime.files.markup import text_of
from llamapack_runtime.files.reasons import NoText

_MOST_ENTRIES = 10_000
# Of XML, unpacked: 1,000 dense pages have 20 MB.
_MOST_XML_BYTES = 64 << 20
_MOST_ELEMENTS = 500_000
_MOST_DEPTH = 200
# mammoth calls itself for each level, with a handful of calls between.
_MOST_CALLS = 10_000
_CHUNK_BYTES = 64 << 10
_XML = (".xml", ".rels")
_ENCRYPTED = 0x1


def read_docx(data: bytes) -> str:
    """Headings, lists, tables and notes as Markdown writes them. NoText where it holds none."""
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            _check(archive)
    except (BadZipFile, EOFError, zlib.error, expat.ExpatError, UnicodeDecodeError):
        raise NoText("damaged") from None
    sys.setrecursionlimit(_MOST_CALLS)
    converted = mammoth.convert_to_html(
        io.BytesIO(data),
        convert_image=lambda image: [],  # noqa: ARG005 - its name is mammoth's
        include_embedded_style_map=False,
        external_file_access=False,
    )
    return text_of(converted.value)


def _check(archive: ZipFile) -> None:
    """That everything mammoth may read unpacks to a bounded size and plain XML. A member never
    gives more than the size it declares: zipfile stops there."""
    members = archive.infolist()
    if len(members) > _MOST_ENTRIES:
        raise NoText("swollen")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise NoText("locked")
    parts = [member for member in members if member.filename.lower().endswith(_XML)]
    if sum(part.file_size for part in parts) > _MOST_XML_BYTES:
        raise NoText("swollen")
    budget = _Budget()
    for part in parts:
        if part.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise NoText("damaged")
        budget.check(_chunks(archive, part))


def _chunks(archive: ZipFile, part: ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


class _Budget:
    """Counts the elements of all parts: memory follows their number, not the bytes."""

    def __init__(self) -> None:
        self._elements = 0
        self._depth = 0

    def check(self, chunks: Iterator[bytes]) -> None:
        self._depth = 0
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._on_doctype
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def _on_doctype(self, *_: object) -> None:
        """Word writes none; one is there to define entities that grow or that name files."""
        raise NoText("damaged")

    def _on_start(self, *_: object) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > _MOST_ELEMENTS or self._depth > _MOST_DEPTH:
            raise NoText("swollen")

    def _on_end(self, *_: object) -> None:
        self._depth -= 1
