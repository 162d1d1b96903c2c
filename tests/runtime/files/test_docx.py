"""Word documents: what is kept of them, and what they cannot do."""

from __future__ import annotations

import io
import zlib
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest

from llamapack_runtime.files.docx import read_docx
from llamapack_runtime.files.reasons import NoText
from runtime.files.docx_bytes import (
    document_xml,
    docx,
    item,
    paragraph,
    part,
    relations,
    table,
)

NUMBERING = part(
    "numbering",
    '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>',
)
STYLES = part(
    "styles",
    '<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style>',
)


def reason_of(data: bytes) -> str:
    with pytest.raises(NoText) as caught:
        read_docx(data)
    return caught.value.reason


def test_headings_lists_and_tables_are_kept() -> None:
    body = (
        paragraph("Report", '<w:pStyle w:val="H1"/>')
        + paragraph("It is * and_ <b>fine</b> &amp; 5.".replace("<", "&lt;"))
        + paragraph("Steps", '<w:pStyle w:val="H2"/>')
        + item("first")
        + item("inner", level=1)
        + item("second")
        + table(("Country", "Capital"), ("Japan", "Tokyo | 東京"))
        + paragraph("The end")
    )
    parts = {"word/numbering.xml": NUMBERING, "word/styles.xml": STYLES}
    assert read_docx(docx(body, parts)).strip() == "\n".join(
        [
            "# Report\n",
            "It is * and_ <b>fine</b> & 5.\n",
            "## Steps\n",
            "1. first",
            "  - inner",
            "2. second\n",
            "| Country | Capital |",
            "| --- | --- |",
            "| Japan | Tokyo \\| 東京 |\n",
            "The end",
        ]
    )


def test_deleted_text_is_gone_and_inserted_text_is_there() -> None:
    body = (
        "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>"
    )
    assert read_docx(docx(body)).strip() == "new"


def test_notes_stand_at_the_end() -> None:
    body = '<w:p><w:r><w:t>Said</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    notes = part("footnotes", f'<w:footnote w:id="2">{paragraph("by whom")}</w:footnote>')
    assert read_docx(docx(body, {"word/footnotes.xml": notes})).strip() == "Said[1]\n\n1. by whom"


def test_breaks_and_tabs_are_kept() -> None:
    body = "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"
    assert read_docx(docx(body)).strip() == "a\tb\nc"


def test_a_table_in_a_table_stays_in_its_cell() -> None:
    inner = table(("x", "y"))
    cell = f"<w:tc>{paragraph('before')}{inner}{paragraph('after')}</w:tc>"
    body = f"<w:tbl><w:tr>{cell}<w:tc>{paragraph('last')}</w:tc></w:tr></w:tbl>"
    assert read_docx(docx(body)).startswith("| before x y after | last |")


def test_a_picture_outside_of_the_file_is_never_opened() -> None:
    """Nor one inside: mammoth would read a linked one from disk or the network."""
    drawing = (
        '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/'
        '2006/wordprocessingDrawing"><a:graphic xmlns:a="http://schemas.openxmlformats.org/'
        'drawingml/2006/main"><a:graphicData><pic:pic xmlns:pic="http://schemas.openxmlformats.org/'
        'drawingml/2006/picture"><pic:blipFill><a:blip xmlns:r="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships" r:link="r9"/></pic:blipFill></pic:pic></a:graphicData>'
        "</a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )
    linked = relations(
        '<Relationship Id="r9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/image" TargetMode="External" Target="file:///etc/passwd"/>'
    )
    data = docx(drawing + paragraph("words"), {"word/_rels/document.xml.rels": linked})
    assert read_docx(data).strip() == "words"


def test_laughing_entities_are_refused() -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 30)
    )
    bomb = document_xml(paragraph("&a29;"), f"<!DOCTYPE lolz [{entities}]>")
    assert reason_of(docx("", document=bomb)) == "damaged"


def test_an_entity_that_names_a_file_is_refused() -> None:
    spy = document_xml(paragraph("&x;"), '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>')
    assert reason_of(docx("", document=spy)) == "damaged"


def test_entities_in_another_encoding_are_refused_too() -> None:
    spy = document_xml(paragraph("&x;"), '<!DOCTYPE d [<!ENTITY x "y">]>')
    data = docx(
        "", {"word/document.xml": spy.replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")}
    )
    assert reason_of(data) == "damaged"


def test_a_part_that_unpacks_to_gigabytes_is_refused() -> None:
    """10 MB of zeros packed again and again would be 10 GB; here the sizes are declared."""
    body = paragraph("x" * 70_000_000)
    assert reason_of(docx(body)) == "swollen"


def test_a_part_that_lies_about_its_size_gives_no_more_than_it_says() -> None:
    data = bytearray(docx(paragraph("x" * 5_000_000)))
    size = len(document_xml(paragraph("x" * 5_000_000)).encode()).to_bytes(4, "little")
    assert data.count(size) == 2, "in the head of the part and in the table of contents"
    assert reason_of(bytes(data.replace(size, (2_000).to_bytes(4, "little")))) == "damaged"


def test_many_small_parts_are_refused() -> None:
    many = {f"word/part{number}.xml": "" for number in range(10_001)}
    assert reason_of(docx(paragraph("x"), many)) == "swollen"


def test_many_empty_elements_are_refused() -> None:
    assert reason_of(docx("<w:p/>" * 500_001)) == "swollen"


def test_elements_in_elements_without_end_are_refused() -> None:
    assert reason_of(docx("<w:p>" * 5_000 + "</w:p>" * 5_000)) == "swollen"


def test_a_deep_document_is_read() -> None:
    body = "<w:sdt><w:sdtContent>" * 90 + paragraph("x") + "</w:sdtContent></w:sdt>" * 90
    assert read_docx(docx(body)).strip() == "x"


def test_a_rare_compression_is_refused() -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_BZIP2) as archive:
        archive.writestr("word/document.xml", document_xml(paragraph("x")))
    assert reason_of(buffer.getvalue()) == "damaged"


def test_a_part_with_a_password_is_told() -> None:
    data = bytearray(docx(paragraph("x")))
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    assert reason_of(bytes(data)) == "locked"


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 and nothing else",
        docx(paragraph("words"))[:300],
        docx("", document="<w:document>"),
        docx("", document="no xml"),
        docx("", {"word/document.xml": b"\xff\xfe\x00"}),
    ],
)
def test_a_damaged_file_is_told(data: bytes) -> None:
    assert reason_of(data) == "damaged"


def test_a_stream_that_does_not_unpack_is_told() -> None:
    good = document_xml(paragraph("words " * 100)).encode()
    packed = zlib.compress(good)[2:-4]
    data = docx(paragraph("words " * 100))
    assert packed in data
    assert reason_of(data.replace(packed, bytes(len(packed)))) == "damaged"


def test_members_that_are_not_read_may_be_of_any_size() -> None:
    """A picture of 100 MB is not unpacked."""
    buffer = io.BytesIO(docx(paragraph("words")))
    with ZipFile(buffer, "a", ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("word/media/image1.bmp", bytes(80_000_000))
    assert read_docx(buffer.getvalue()).strip() == "words"
