"""How files that hold no readable text begin, and what to do with each. Tables alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of file that is refused: "a picture", and the next step as a sentence."""

    words: str
    advice: str


_AS_PDF_OR_TEXT = "Save it as PDF or text and attach that."
_AS_PDF_OR_DOCX = "Save it as PDF or .docx and attach that."
_AS_PDF_OR_CSV = "Save it as PDF or CSV and attach that."
_AS_PDF = "Save it as PDF and attach that."
_UNPACK = "Unpack it and attach the files in it."

PICTURE = Foreign(
    "a picture", "If it shows text, recognise the text (OCR) and save that as PDF or text."
)
AUDIO = Foreign("a sound recording", "Attach what it says as text.")
VIDEO = Foreign("a video", "Attach what it says as text.")
ARCHIVE = Foreign("an archive", _UNPACK)
PROGRAM = Foreign("a program", "Attach its source code or its documentation as text.")
DATABASE = Foreign("a database", "Export what matters as CSV or text and attach that.")
MODEL = Foreign("a model", "Attach a document instead.")
FONT = Foreign("a font", "Attach a document instead.")
RTF = Foreign("a rich text (RTF) document", _AS_PDF_OR_DOCX)
POSTSCRIPT = Foreign("a PostScript document", _AS_PDF)
OLD_WORD = Foreign("an old Word document (.doc)", _AS_PDF_OR_DOCX)
OLD_EXCEL = Foreign("an old Excel workbook (.xls)", _AS_PDF_OR_CSV)
OLD_SLIDES = Foreign("an old PowerPoint presentation (.ppt)", _AS_PDF)
OLD_OFFICE = Foreign("an old Office document", _AS_PDF_OR_DOCX)
EXCEL = Foreign("an Excel workbook", _AS_PDF_OR_CSV)
SLIDES = Foreign("a PowerPoint presentation", _AS_PDF)
OPEN_TEXT = Foreign("an OpenDocument text", _AS_PDF_OR_DOCX)
OPEN_SHEET = Foreign("an OpenDocument spreadsheet", _AS_PDF_OR_CSV)
OPEN_SLIDES = Foreign("an OpenDocument presentation", _AS_PDF)
EBOOK = Foreign("an electronic book", _AS_PDF_OR_TEXT)
APPLE = Foreign("an Apple Pages, Numbers or Keynote document", _AS_PDF)
DJVU = Foreign("a DjVu document", _AS_PDF)
BINARY = Foreign("not text", _AS_PDF_OR_TEXT)

# They hold bytes that no text begins with, or so many that no text begins so by chance.
SURE: tuple[tuple[int, bytes, Foreign], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", PICTURE),
    (0, b"\xff\xd8\xff", PICTURE),
    (0, b"II*\x00", PICTURE),
    (0, b"MM\x00*", PICTURE),
    (0, b"\x00\x00\x01\x00", PICTURE),
    (0, b"\x00\x00\x00\x0cjP  ", PICTURE),
    (0, b"\x00\x00\x00\x0cJXL ", PICTURE),
    (0, b"\xff\x0a", PICTURE),
    (8, b"WEBP", PICTURE),
    (4, b"ftypheic", PICTURE),
    (4, b"ftypheix", PICTURE),
    (4, b"ftypmif1", PICTURE),
    (4, b"ftypavif", PICTURE),
    (4, b"ftypM4A", AUDIO),
    (4, b"ftyp", VIDEO),
    (8, b"WAVEfmt", AUDIO),
    (8, b"AVI LIST", VIDEO),
    (0, b"\x1a\x45\xdf\xa3", VIDEO),
    (0, b"\x00\x00\x01\xba", VIDEO),
    (0, b"\x00\x00\x01\xb3", VIDEO),
    (0, b"FLV\x01", VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO),
    (0, b"\x1f\x8b\x08", ARCHIVE),
    (0, b"\xfd7zXZ\x00", ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (0, b"Rar!\x1a\x07", ARCHIVE),
    (0, b"\x28\xb5\x2f\xfd", ARCHIVE),
    (0, b"\x04\x22\x4d\x18", ARCHIVE),
    (257, b"ustar", ARCHIVE),
    (0, b"\x7fELF", PROGRAM),
    (0, b"\xcf\xfa\xed\xfe", PROGRAM),
    (0, b"\xca\xfe\xba\xbe", PROGRAM),
    (0, b"\x00asm", PROGRAM),
    (0, b"SQLite format 3\x00", DATABASE),
    (0, b"AT&TFORM", DJVU),
    (0, b"\x00\x01\x00\x00\x00", FONT),
    (0, b"wOF2", FONT),
    (60, b"BOOKMOBI", EBOOK),
)
# Short ones of letters: they count only where the bytes after them are no text.
LIKELY: tuple[tuple[int, bytes, Foreign], ...] = (
    (0, b"GIF8", PICTURE),
    (0, b"BM", PICTURE),
    (0, b"8BPS", PICTURE),
    (0, b"ID3", AUDIO),
    (0, b"\xff\xfb", AUDIO),
    (0, b"\xff\xf3", AUDIO),
    (0, b"\xff\xf2", AUDIO),
    (0, b"\xff\xf1", AUDIO),
    (0, b"fLaC", AUDIO),
    (0, b"OggS", AUDIO),
    (0, b"MThd", AUDIO),
    (0, b"BZh", ARCHIVE),
    (0, b"MSCF", ARCHIVE),
    (0, b"MZ", PROGRAM),
    (0, b"PAR1", DATABASE),
    (0, b"GGUF", MODEL),
    (0, b"OTTO", FONT),
    (0, b"wOFF", FONT),
)
# Text by its bytes, but nothing that a person wrote.
WRITTEN: tuple[tuple[int, bytes, Foreign], ...] = (
    (0, b"{\\rtf", RTF),
    (0, b"%!PS", POSTSCRIPT),
)
# What the table of contents of a zip names, the first match counts.
ZIPPED: tuple[tuple[bytes, Foreign], ...] = (
    (b"xl/workbook", EXCEL),
    (b"ppt/presentation", SLIDES),
    (b"Index/Document.iwa", APPLE),
    (b"application/vnd.oasis.opendocument.text", OPEN_TEXT),
    (b"application/vnd.oasis.opendocument.spreadsheet", OPEN_SHEET),
    (b"application/vnd.oasis.opendocument.presentation", OPEN_SLIDES),
    (b"application/epub+zip", EBOOK),
)
# What the folder of an old Office file names, in the two bytes a character that it uses.
COMPOUND: tuple[tuple[str, Foreign], ...] = (
    ("WordDocument", OLD_WORD),
    ("Workbook", OLD_EXCEL),
    ("PowerPoint Document", OLD_SLIDES),
)
