"""What a file is told to be, from its bytes and then from its name."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import pytest

from llamapack_runtime.files.errors import FileProblem
from llamapack_runtime.files.kinds import READABLE, is_text, tell_kind
from runtime.files.docx_bytes import docx, paragraph
from runtime.files.pdf_bytes import document, words

NOISE = bytes(range(256)) * 4


def zipped(*names: str, first: tuple[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        if first is not None:
            archive.writestr(*first)
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


def compound(*streams: str) -> bytes:
    """An old Office file's first bytes and the names of its streams."""
    names = b"".join(name.encode("utf-16-le").ljust(64, b"\0") for name in streams)
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + names


def kind_of(tmp_path: Path, data: bytes, name: str) -> str:
    path = tmp_path / "stored"
    path.write_bytes(data)
    return tell_kind(path, name)


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (document([words(b"x")]), "a.pdf", "pdf"),
        (document([words(b"x")]), "no-suffix", "pdf"),
        (b"junk\n" + document([words(b"x")]), "a.pdf", "pdf"),
        (NOISE, "damaged.pdf", "pdf"),
        (docx(paragraph("x")), "a.docx", "docx"),
        (docx(paragraph("x")), "renamed.zip", "docx"),
        (docx(paragraph("x"))[:400], "cut.docx", "docx"),
        (zipped("nothing/of/word.txt"), "strange.docx", "docx"),
        (NOISE, "damaged.docx", "docx"),
        (b"plain words", "notes", "text"),
        (b"a,b\n1,2\n", "table.csv", "text"),
        (b"a\tb\n1\t2\n", "table.tsv", "text"),
        (b'{"a": 1}', "data.json", "text"),
        (b"<?xml version='1.0'?><a/>", "data.xml", "text"),
        (b"<!doctype html><p>x", "page.html", "text"),
        (b"# Title\n", "readme.md", "text"),
        (b"2024-01-01 \x1b[31mERROR\x1b[0m it broke\n", "server.log", "text"),
        (b"fn main() {}\n", "main.rs", "text"),
        (b"BM is how this line begins", "notes.txt", "text"),
        (b"MZ", "notes.txt", "text"),
        ("文字".encode("gb18030"), "notes.txt", "text"),
        ("words".encode("utf-16"), "notes.txt", "text"),
        ("words without a mark".encode("utf-16-le"), "notes.txt", "text"),
        ("words without a mark".encode("utf-16-be"), "notes.txt", "text"),
        (b"words", "called.png", "text"),
    ],
)
def test_a_readable_file_is_told_by_what_it_holds(
    tmp_path: Path, data: bytes, name: str, kind: str
) -> None:
    assert kind_of(tmp_path, data, name) == kind


@pytest.mark.parametrize(
    ("data", "name", "words_of_it"),
    [
        (b"\x89PNG\r\n\x1a\n" + NOISE, "a.png", "a picture"),
        (b"\xff\xd8\xff\xe0" + NOISE, "a.jpg", "a picture"),
        (b"GIF89a" + NOISE, "a.gif", "a picture"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 " + NOISE, "a.webp", "a picture"),
        (b"\x00\x00\x00\x18ftypheic" + NOISE, "a.heic", "a picture"),
        (b"BM" + NOISE, "a.bmp", "a picture"),
        (b"ID3\x04\x00" + NOISE, "a.mp3", "a sound recording"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt " + NOISE, "a.wav", "a sound recording"),
        (b"\x00\x00\x00\x18ftypisom" + NOISE, "a.mp4", "a video"),
        (b"\x1a\x45\xdf\xa3" + NOISE, "a.mkv", "a video"),
        (b"\x1f\x8b\x08" + NOISE, "a.tar.gz", "an archive"),
        (zipped("a.txt", "b.txt"), "a.zip", "an archive"),
        (b"7z\xbc\xaf\x27\x1c" + NOISE, "a.7z", "an archive"),
        (b"\x7fELF" + NOISE, "a.out", "a program"),
        (b"MZ" + NOISE, "a.exe", "a program"),
        (b"SQLite format 3\x00" + NOISE, "a.db", "a database"),
        (b"GGUF\x03\x00\x00\x00" + NOISE, "a.gguf", "a model"),
        (b"{\\rtf1\\ansi words}", "a.rtf", "a rich text (RTF) document"),
        (b"%!PS-Adobe-3.0\n", "a.ps", "a PostScript document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "a.xlsx", "an Excel workbook"),
        (zipped("ppt/presentation.xml"), "a.pptx", "a PowerPoint presentation"),
        (
            zipped(first=("mimetype", b"application/vnd.oasis.opendocument.text")),
            "a.odt",
            "an OpenDocument text",
        ),
        (zipped(first=("mimetype", b"application/epub+zip")), "a.epub", "an electronic book"),
        (zipped("Index/Document.iwa"), "a.pages", "an Apple Pages"),
        (compound("Root Entry", "WordDocument"), "a.doc", "an old Word document"),
        (compound("Root Entry", "Workbook"), "a.xls", "an old Excel workbook"),
        (compound("Root Entry", "PowerPoint Document"), "a.ppt", "an old PowerPoint"),
        (compound("Root Entry"), "a.msg", "an old Office document"),
        (NOISE, "a.bin", "not text"),
        (b"half text, half\x00binary", "a.txt", "not text"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, data: bytes, name: str, words_of_it: str
) -> None:
    with pytest.raises(FileProblem) as caught:
        kind_of(tmp_path, data, name)
    sentence = str(caught.value)
    assert caught.value.code == "unsupported_file"
    assert sentence.startswith(f'"{name}" is {words_of_it}')
    assert READABLE in sentence
    assert len(sentence.split(READABLE)[1]) > 20, "says what to do next"


def test_a_docx_with_a_password_is_told_from_an_old_document(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="password") as caught:
        kind_of(tmp_path, compound("Root Entry", "EncryptedPackage"), "secret.docx")
    assert caught.value.code == "unreadable_file"


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="holds no text") as caught:
        kind_of(tmp_path, b"", "a.txt")
    assert caught.value.code == "unreadable_file"


def test_the_name_in_a_sentence_is_short_and_clean(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        kind_of(tmp_path, b"\x89PNG\r\n\x1a\n", "\u202e" + "x" * 10_000 + "\r\n.png")
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_a_word_document_with_thousands_of_pictures_is_still_one(tmp_path: Path) -> None:
    many = {f"word/media/image{number}.png": b"x" for number in range(2_000)}
    assert kind_of(tmp_path, docx(paragraph("x"), many), "a.docx") == "docx"


@pytest.mark.parametrize("data", [b"\x00\x00", b"\x01\x02\x03", b"a\x00"])
def test_a_few_binary_bytes_are_no_text(data: bytes) -> None:
    assert not is_text(data)
