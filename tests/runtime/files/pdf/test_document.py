"""Whole PDFs: what comes out of them, and why sometimes nothing does."""

from __future__ import annotations

import pytest

from llamapack_runtime.files.pdf.document import read_pdf
from llamapack_runtime.files.reasons import NoText
from runtime.files.pdf.locked_samples import LOCKED, OPEN
from runtime.files.pdf_bytes import (
    HELVETICA,
    composite,
    composite_parts,
    document,
    glyphs,
    packed,
    pdf,
    stream,
    words,
    zeros,
)

HAN = {character: code for code, character in enumerate("人工智能是计算机科学的分支", 1)}


def reason_of(data: bytes) -> str:
    with pytest.raises(NoText) as caught:
        read_pdf(data)
    return caught.value.reason


def test_pages_come_one_by_one() -> None:
    data = document([words(b"one", b"two"), words(b"three"), packed(words(b"four"))])
    assert read_pdf(data) == ["one\ntwo", "three", "four"]


def test_an_empty_page_keeps_its_place() -> None:
    assert read_pdf(document([words(b"one"), b"", words(b"three")])) == ["one", "", "three"]


def test_letters_outside_of_ascii() -> None:
    assert read_pdf(document([words(b"caf\xe9 \x80 5 \x93so\x94")])) == ["café € 5 “so”"]


def test_a_font_that_names_its_glyphs() -> None:
    names = {code: character for character, code in HAN.items()}
    content = b"BT /F1 12 Tf 50 700 Td %s Tj ET" % glyphs("人工智能", HAN)
    data = document([content], {"F1": composite(names)}, composite_parts(names))
    assert read_pdf(data) == ["人工智能"]


def test_a_font_of_radicals_gives_the_letters() -> None:
    names = {1: "⼈", 2: "⼯"}
    content = b"BT /F1 12 Tf 50 700 Td <00010002> Tj ET"
    assert read_pdf(document([content], {"F1": composite(names)}, composite_parts(names))) == [
        "人工"
    ]


def test_letters_that_run_from_right_to_left() -> None:
    names = dict(enumerate("שלום עולם", 1))
    seen = b"".join(b"%04x" % code for code in reversed(names))
    content = b"BT /F1 12 Tf 50 700 Td <%s> Tj ET" % seen
    data = document([content], {"F1": composite(names)}, composite_parts(names))
    assert read_pdf(data) == ["שלום עולם"]


def test_marked_content_says_what_its_glyphs_mean() -> None:
    content = (
        b"BT /F1 12 Tf 50 700 Td (a) Tj /Span << /ActualText <FEFF9577> >> BDC (xyz) Tj (w) Tj EMC "
        b"(b) Tj ET"
    )
    assert read_pdf(document([content])) == ["a長b"]


def test_words_that_are_apart_without_a_space_between_them() -> None:
    assert read_pdf(document([b"BT /F1 12 Tf 50 700 Td [(to) -250 (be) -20 (st)] TJ ET"])) == [
        "to best"
    ]


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        (b"14 TL (one) Tj (two) '", "one\ntwo"),
        (b'14 TL (one) Tj 9 0 (two a) "', "one\ntwo a"),
        (b"(one) Tj 0 -14 TD (two) Tj T* (three) Tj", "one\ntwo\nthree"),
        (b"3 Ts (raised) Tj 0 Ts ( on) Tj", "raised on"),
        (b"200 Tz (wid) Tj (er) Tj", "wider"),
        (b"5 Tc (spread) Tj 0 Tc ( on) Tj", "spread on"),
        (b"q (kept) Tj Q ( on) Tj", "kept on"),
        (b"0 1 -1 0 300 50 Tm (turned) Tj 0 -14 Td (lines) Tj", "turned\nlines"),
        (b"-1 0 0 -1 300 500 Tm (upside) Tj ( down) Tj", "upside down"),
        (b"0 0 0 0 0 0 Tm (no size) Tj 1 0 0 1 9 9 Tm (seen) Tj", "seen"),
        (b"1 0 0 1 " + b"9" * 400 + b" 9 Tm (nowhere) Tj 1 0 0 1 9 9 Tm (seen) Tj", "seen"),
        (b"/F9 12 Tf (no such font) Tj /F1 12 Tf (seen) Tj", "seen"),
        (b"12 /F1 Tf () Tj [] TJ [()] TJ Tj TJ Tm Td Tf cm Do ' \" /F1 9 Tf (seen) Tj", "seen"),
    ],
)
def test_operators_of_text(shown: bytes, read: str) -> None:
    assert read_pdf(document([b"BT /F1 12 Tf 50 700 Td %s ET" % shown])) == [read]


def test_a_font_that_writes_downwards() -> None:
    names = dict(enumerate("縦書き横", 1))
    content = b"BT /F1 12 Tf 500 700 Td <000100020003> Tj 1 0 0 1 480 700 Tm <0004> Tj ET"
    font = composite(names, b"/Identity-V")
    assert read_pdf(document([content], {"F1": font}, composite_parts(names))) == ["縦書き\n横"]


def test_forms_are_read_in_their_place() -> None:
    form = stream(
        b"BT /F1 12 Tf 0 0 Td (inside) Tj ET",
        b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Matrix [1 0 0 1 50 650] "
        b"/Resources << /Font << /F1 3 0 R >> >>",
    )
    content = words(b"before", top=700) + b" /X1 Do " + words(b"after", top=600)
    data = document([content], more={5: form}, resources=b"/XObject << /X1 5 0 R >>")
    assert read_pdf(data) == ["before\n\ninside\n\nafter"]


def test_a_field_that_was_filled_in_is_read() -> None:
    look = stream(
        b"/Tx BMC BT /F1 12 Tf 2 3 Td (Ada Lovelace) Tj ET EMC",
        b"/Subtype /Form /BBox [0 0 90 20] /Resources << /Font << /F1 3 0 R >> >>",
    )
    field = b"<< /Subtype /Widget /Rect [100 698 190 718] /AP << /N 6 0 R >> >>"
    hidden = b"<< /Subtype /Widget /F 2 /Rect [100 500 190 520] /AP << /N 6 0 R >> >>"
    data = document(
        [words(b"Name:", top=701)],
        more={5: field, 6: look, 7: hidden},
        page=b"/Annots [5 0 R 7 0 R]",
    )
    assert read_pdf(data) == ["Name: Ada Lovelace"]


@pytest.mark.parametrize("method", OPEN)
def test_an_empty_password_opens(method: str) -> None:
    assert read_pdf(OPEN[method]) == ["Words behind a lock"]


@pytest.mark.parametrize("method", LOCKED)
def test_a_password_that_nobody_gave_is_told(method: str) -> None:
    assert reason_of(LOCKED[method]) == "locked"


def test_a_scan_is_told() -> None:
    picture = stream(bytes(8), b"/Subtype /Image /Width 8 /Height 8 /BitsPerComponent 1")
    data = document([b"/X1 Do"] * 2, more={5: picture}, resources=b"/XObject << /X1 5 0 R >>")
    assert reason_of(data) == "scan"


def test_letters_that_nobody_names_are_told() -> None:
    content = b"BT /F1 12 Tf 50 700 Td <000100020003> Tj ET"
    assert (
        reason_of(document([content], {"F1": composite(None)}, composite_parts(None))) == "nameless"
    )


def test_a_font_whose_glyphs_have_numbers_for_names_is_told() -> None:
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontMatrix [1 0 0 1 0 0] /FontBBox [0 0 1 1] "
        b"/FirstChar 65 /LastChar 66 /Widths [1 1] /CharProcs << /g1 5 0 R /g2 5 0 R >> "
        b"/Encoding << /Differences [65 /g1 /g2] >> >>"
    )
    data = document([words(b"ABAB")], {"F1": font}, {5: stream(b"")})
    assert reason_of(data) == "nameless"


def test_a_damaged_page_is_named_and_the_others_are_read() -> None:
    bomb = stream(b"junk", b"/Filter /NoSuchFilter")
    assert read_pdf(document([words(b"one"), bomb, words(b"three")])) == [
        "one",
        "[This page could not be read.]",
        "three",
    ]


def test_a_damaged_font_loses_its_own_words_alone() -> None:
    broken = b"[1 2 3]"
    content = words(b"good") + b" BT /F2 9 Tf (lost) Tj ET"
    assert read_pdf(document([content], {"F1": HELVETICA, "F2": broken})) == ["good"]


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\nnothing",
        b"%PDF-",
        document([words(b"x")])[:120],
        pdf({1: b"<< /Type /Catalog >>"}),
        pdf({1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [] /Count 0 >>"}),
        document([stream(b"junk", b"/Filter /NoSuchFilter")]),
    ],
    ids=range(6),
)
def test_a_damaged_file_is_told(data: bytes) -> None:
    assert reason_of(data) == "damaged"


def test_a_file_whose_table_is_elsewhere_is_mended() -> None:
    data = document([words(b"one")])
    assert read_pdf(data.replace(b"startxref\n", b"startxref\n1")) == ["one"]


def test_a_tree_of_pages_that_holds_itself_is_told() -> None:
    loop = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 3 0 R >>",
        3: b"<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>",
    }
    assert reason_of(pdf(loop)) in ("damaged", "scan")


def test_a_form_that_shows_itself_is_shown_once() -> None:
    form = stream(
        b"BT /F1 12 Tf 50 500 Td (again) Tj ET /X1 Do",
        b"/Subtype /Form /BBox [0 0 9 9] "
        b"/Resources << /Font << /F1 3 0 R >> /XObject << /X1 5 0 R >> >>",
    )
    data = document([b"/X1 Do"], more={5: form}, resources=b"/XObject << /X1 5 0 R >>")
    assert read_pdf(data) == ["again"]


def test_forms_that_multiply_are_bounded() -> None:
    """Nine levels of ten forms each would be a thousand million."""
    more = {}
    for level in range(9):
        shown = b"/X1 Do " * 10 if level < 8 else words(b"deep")
        below = b"/XObject << /X1 %d 0 R >>" % (51 + level)
        fonts = b"/Font << /F1 3 0 R >>"
        more[50 + level] = stream(
            shown, b"/Subtype /Form /BBox [0 0 9 9] /Resources << %s %s >>" % (fonts, below)
        )
    data = document([b"/X1 Do"], more=more, resources=b"/XObject << /X1 50 0 R >>")
    assert "deep" in read_pdf(data)[0]


def test_a_stream_that_unpacks_to_gigabytes_loses_its_page() -> None:
    content = stream(zeros(10_000), b"/Filter /FlateDecode")
    assert len(content) < 20_000_000
    assert read_pdf(document([words(b"one"), content])) == ["one", "[This page could not be read.]"]
