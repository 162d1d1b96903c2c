"""Turns the bytes of a text file in any usual encoding into text. Knows nothing of processes."""

from __future__ import annotations

import codecs
import re

from llamapack_runtime.files.kinds import utf16_without_mark
from llamapack_runtime.files.reasons import MOST_TEXT_BYTES, NoText

# Enough to know an encoding by.
_SAMPLE_BYTES = 32 << 10
# No encoding has fewer than a quarter of a character for a byte.
_MOST_BYTES = 4 * MOST_TEXT_BYTES
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# No second byte of a character is one of these.
_WORD_END = re.compile(rb"[\x00-\x2f]")
# Rare relatives of these differ in so few bytes that a short text fits them by chance.
_WESTERN = "cp1252"
_USUAL = (
    *("gb18030", "big5", "big5hkscs", "cp932", "shift_jis", "euc_jp", "euc_kr", "cp949"),
    *("cp1250", "cp1251", _WESTERN, "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("iso8859_2", "iso8859_5", "iso8859_7", "koi8_r", "koi8_u", "cp874", "mac_roman"),
    *("cp437", "cp850", "cp852", "cp866"),
)
# All of ASCII, so that they would pass as UTF-8.
_JAPANESE_ESCAPES = (b"\x1b$B", b"\x1b$@")


def read_text(data: bytes) -> str:
    """The text with line feeds alone. NoText where it is none, or too much."""
    if len(data) > _MOST_BYTES:
        raise NoText("wordy")
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    if "\0" in text:
        raise NoText("binary")
    if not text.strip():
        raise NoText("empty")
    return text


def _decode(data: bytes) -> str:
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(codec, "replace")
    sample = data[:_SAMPLE_BYTES]
    codecs_to_try = [utf16_without_mark(sample) or "utf-8"]
    if any(escape in sample for escape in _JAPANESE_ESCAPES):
        codecs_to_try.insert(0, "iso2022_jp_2")
    first_strange = 0
    for codec in codecs_to_try:
        try:
            return data.decode(codec)
        except UnicodeDecodeError as error:
            first_strange = error.start
    return data.decode(_guess(data, first_strange), "replace")


def _guess(data: bytes, first_strange: int) -> str:
    """The encoding, from the part around the first byte that is not ASCII."""
    from charset_normalizer import from_bytes  # only for old encodings

    sample = _sample(data, first_strange)
    matches = from_bytes(sample, cp_isolation=list(_USUAL))
    best = matches.best()
    if best is None:
        raise NoText("binary")
    equals = {
        codec
        for match in matches
        if match.chaos <= best.chaos
        for codec in match.could_be_from_charset
    }
    return _WESTERN if _WESTERN in equals else best.encoding


def _sample(data: bytes, first_strange: int) -> bytes:
    """From the beginning of a line to the end of one, or else of a word: a character of two bytes
    that is cut in the middle would rule its encoding out."""
    start = data.rfind(b"\n", 0, first_strange) + 1
    if first_strange - start > _SAMPLE_BYTES // 2:
        start = first_strange
    sample = data[start : start + _SAMPLE_BYTES]
    if len(data) <= start + _SAMPLE_BYTES:
        return sample
    ends = [match.end() for match in _WORD_END.finditer(sample)]
    return sample[: ends[-1]] if ends else sample
