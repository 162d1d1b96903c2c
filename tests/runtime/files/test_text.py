"""Text files in the encodings that people have."""

from __future__ import annotations

import pytest

from llamapack_runtime.files.cleaning import cleaned
from llamapack_runtime.files.reasons import MOST_TEXT_BYTES, NoText
from llamapack_runtime.files.text import read_text

CHINESE = "人工智能是计算机科学的一个分支、它企图了解智能的实质、并生产出一种新的智能机器。\n"
TAIWANESE = "人工智慧是電腦科學的一個分支、它企圖了解智慧的實質、並生產出一種新的智慧機器。\n"
JAPANESE = "人工知能とは、コンピュータを用いて知能を研究する計算機科学の一分野を指す語。\n"
KOREAN = "인공지능은 인간의 학습능력, 추론능력, 지각능력을 구현하려는 컴퓨터 과학의 분야이다.\n"
RUSSIAN = "Искусственный интеллект - свойство систем выполнять творческие функции человека.\n"
FRENCH = "L'été dernier, les élèves ont étudié la forêt près du château. Où êtes-vous ? 5 €.\n"
GERMAN = "Die Straße über den Fluß führt nach München. Größe, Übergrößen und Äpfel.\n"
POLISH = "Zażółć gęślą jaźń. Źdźbło trawy rośnie przy drodze, a łąka jest piękna.\n"
GREEK = "Σήμερα η τεχνητή νοημοσύνη είναι ένας κλάδος της πληροφορικής.\n"
ARABIC = "الذكاء الاصطناعي هو سلوك وخصائص معينة تتسم بها البرامج الحاسوبية.\n"
THAI = "ปัญญาประดิษฐ์เป็นสาขาหนึ่งของวิทยาการคอมพิวเตอร์\n"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *((CHINESE, codec) for codec in ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16")),
        *((JAPANESE, codec) for codec in ("shift_jis", "cp932", "euc_jp", "iso2022_jp")),
        *((FRENCH, codec) for codec in ("cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32")),
        *((RUSSIAN, codec) for codec in ("cp1251", "koi8_r", "cp866")),
        (TAIWANESE, "big5"),
        (KOREAN, "euc_kr"),
        (GERMAN, "cp1252"),
        (GERMAN, "latin-1"),
        (POLISH, "cp1250"),
        (GREEK, "cp1253"),
        (ARABIC, "cp1256"),
        (THAI, "cp874"),
    ],
)
def test_an_encoding_is_recognised(text: str, codec: str) -> None:
    assert read_text((text * 3).encode(codec)) == text * 3


def test_an_old_encoding_is_recognised_after_pages_of_plain_letters() -> None:
    text = "plain words\n" * 20_000 + CHINESE * 3
    assert read_text(text.encode("gb18030")) == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [(CHINESE, "gb18030"), (TAIWANESE, "big5"), (JAPANESE, "shift_jis"), (KOREAN, "euc_kr")],
)
@pytest.mark.parametrize("end", ["", "\n"], ids=["one line", "lines"])
@pytest.mark.parametrize("shift", range(2))
def test_a_long_text_is_not_judged_by_half_a_character(
    text: str, codec: str, end: str, shift: int
) -> None:
    long = "x" * shift + (text.strip() + "a " + end) * 2_000
    assert read_text(long.encode(codec)) == long


def test_line_ends_become_line_feeds() -> None:
    assert read_text(b"one\r\ntwo\rthree\n\x0cfour") == "one\ntwo\nthree\n\nfour"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"words\x00more", "binary"),
        (b" \r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"x" * (4 * MOST_TEXT_BYTES + 1), "wordy"),
    ],
)
def test_what_is_no_text_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(NoText) as caught:
        read_text(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x07c\x1b[0m\x7f\x9f", "abc[0m"),
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne"),
        ("\n\none  \n\n\n\ntwo\t\n\n", "one\n\ntwo"),
        ("soft\u00adhyphen\u200b\ufeff", "softhyphen"),
        ("\ud83d half \udc00", "\ufffd half \ufffd"),
        ("\u0646\u200c\u0645 👨\u200d👩", "\u0646\u200c\u0645 👨\u200d👩"),
        ("  indented\n\tcode", "  indented\n\tcode"),
    ],
)
def test_cleaning_takes_what_nothing_can_carry(text: str, clean: str) -> None:
    assert cleaned(text) == clean
