"""Tells what a file is: from its bytes first, from its name only where they leave it open. Reads
the two ends of the file alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from llamapack_runtime.files import signatures
from llamapack_runtime.files.errors import FileProblem
from llamapack_runtime.files.names import shown_name, suffix
from llamapack_runtime.files.reasons import problem
from llamapack_runtime.files.signatures import Foreign
from llamapack_runtime.files.types import FileKind

# A zip has its table of contents at the end: this is enough for one of 3,000 entries.
_HEAD_BYTES = 64 << 10
_TAIL_BYTES = 256 << 10
# Readers of PDF look this far for its first words, and so do those who put others before them.
_PDF_WITHIN = 1024
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_WORD_PART = b"word/"
# Control characters that text holds: backspace, tab, line ends, page end, and the escape of old
# Japanese mail and of coloured logs.
_CONTROLS_OF_TEXT = frozenset(b"\b\t\n\v\f\r\x1b")
_CONTROLS = bytes(code for code in range(32) if code not in _CONTROLS_OF_TEXT)
_UTF_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
# The share of text bytes in which a stray control character is forgiven.
_FORGIVEN = 1000
# Where all that tells is the name, the reader of that kind says what is wrong with it.
_BY_NAME: dict[str, FileKind] = {"pdf": "pdf", "docx": "docx", "docm": "docx", "dotx": "docx"}
READABLE = "Only PDF, Word (.docx) and text files can be read here."


def tell_kind(path: Path, name: str) -> FileKind:
    """FileProblem where it is a kind that cannot be read, OSError where the file cannot be."""
    head, tail = _ends(path)
    if not head:
        raise problem("empty", name)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _tell_zip(head, tail, name)
    if head.startswith(_COMPOUND):
        raise _compound_problem(head + tail, name)
    found = _match(signatures.SURE, head) or _match(signatures.WRITTEN, head)
    if found is not None:
        raise _foreign(found, name)
    if is_text(head):
        return "text"
    found = _match(signatures.LIKELY, head)
    if found is None and suffix(name) in _BY_NAME:
        return _BY_NAME[suffix(name)]
    raise _foreign(found or signatures.BINARY, name)


def is_picture(head: bytes) -> bool:
    """Whether a file that begins so is a picture of some kind."""
    found = _match(signatures.SURE, head)
    if found is None and not is_text(head):
        found = _match(signatures.LIKELY, head)
    return found is signatures.PICTURE


def is_text(head: bytes) -> bool:
    """Whether these first bytes of a file can be text in some encoding: hardly a control character,
    or two bytes a character as UTF-16 has them."""
    if head.startswith(_UTF_BOMS) or utf16_without_mark(head) is not None:
        return True
    strange = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" not in head and strange * _FORGIVEN <= len(head)


def utf16_without_mark(head: bytes) -> str | None:
    """The codec of text that is mostly Latin letters of two bytes each, with no mark before it."""
    pairs = len(head) // 2
    even, odd = head[: pairs * 2 : 2], head[1 : pairs * 2 : 2]
    if pairs < 2 or b"\0\0" in (head[:2], head[2:4]):
        return None
    if odd.count(0) * 2 > pairs and even.count(0) == 0:
        return "utf-16-le"
    if even.count(0) * 2 > pairs and odd.count(0) == 0:
        return "utf-16-be"
    return None


def _ends(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        return head, file.read(_TAIL_BYTES)


def _tell_zip(head: bytes, tail: bytes, name: str) -> FileKind:
    """Word keeps its parts in word/; a cut-off file shows that only at its beginning."""
    listed = head + tail
    if _WORD_PART in listed:
        return "docx"
    for mark, foreign in signatures.ZIPPED:
        if mark in listed:
            raise _foreign(foreign, name)
    if suffix(name) in _BY_NAME:
        return "docx"
    raise _foreign(signatures.ARCHIVE, name)


def _compound_problem(ends: bytes, name: str) -> FileProblem:
    if _LOCKED_OFFICE in ends:
        return problem("locked", name)
    for mark, foreign in signatures.COMPOUND:
        if mark.encode("utf-16-le") in ends:
            return _foreign(foreign, name)
    return _foreign(signatures.OLD_OFFICE, name)


def _match(table: Sequence[tuple[int, bytes, Foreign]], head: bytes) -> Foreign | None:
    for offset, mark, foreign in table:
        if head.startswith(mark, offset):
            return foreign
    return None


def _foreign(foreign: Foreign, name: str) -> FileProblem:
    sentence = f"{shown_name(name)} is {foreign.words}. {READABLE} {foreign.advice}"
    return FileProblem("unsupported_file", sentence)
