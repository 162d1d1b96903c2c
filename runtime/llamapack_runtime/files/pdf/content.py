"""Reads the operators of a content stream (ISO 32000-2, 7.8.2) in one pass. Keeps only operands
that text has: numbers, strings, names and arrays of them. Knows nothing of fonts or pages."""

from __future__ import annotations

import re
from binascii import Error as BinasciiError
from binascii import unhexlify
from collections.abc import Iterator

# A name is a str without its slash, a string is bytes, an array is a list.
Operand = float | bytes | str | list["Operand"]

_SPACE = rb"\0\t\n\f\r\x20"
_ENDS = _SPACE + rb"()<>\[\]{}/%"
# One group for each kind of token, in the order of the numbers below.
_TOKEN = re.compile(
    rb"[%(space)s]*+(?:"
    rb"([+-]?(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?=[%(ends)s]|\Z))"
    rb"|([^%(ends)s]++)"
    rb"|/([^%(ends)s]*+)"
    rb"|<([0-9A-Fa-f%(space)s]*+)>"
    rb"|\(((?:[^()\\]|\\.)*+)\)"
    rb"|(\[|\]|\()"
    rb"|(%%[^\r\n]*+|<<|>>|[<>{})]|\Z)"
    rb")" % {b"space": _SPACE, b"ends": _ENDS},
    re.DOTALL,
)
# Values that text does not use.
_VALUES = (b"true", b"false", b"null")
_NUMBER, _WORD, _NAME, _HEX, _STRING, _MARK = range(1, 7)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_LINE_ENDS = (b"\n", b"\r", b"\r\n")
_HASH = re.compile(r"#([0-9A-Fa-f]{2})")
# After the data of an inline picture, on which nothing else can be relied.
_PICTURE_END = re.compile(rb"[\0\t\n\f\r\x20]EI(?=[\0\t\n\f\r\x20]|\Z)")
# No operator takes so many; more are the leavings of a damaged stream.
_MOST_OPERANDS = 64
_CODE = 8


def operations(data: bytes) -> Iterator[tuple[bytes, list[Operand]]]:
    """Each operator with its operands, in order. What cannot be understood is passed over."""
    operands: list[Operand] = []
    array: list[Operand] | None = None
    position: int | None = 0
    while position is not None:
        start, position = position, None
        for token in _TOKEN.finditer(data, start):
            kind = token.lastindex
            if kind == _NUMBER:
                value: Operand = float(token[_NUMBER])
            elif kind == _WORD:
                word = token[_WORD]
                if word in _VALUES:
                    continue
                yield word, operands
                operands, array = [], None
                if word == b"ID":
                    position = _after_picture(data, token.end())
                    break
                continue
            elif kind == _NAME:
                value = _name(token[_NAME])
            elif kind == _HEX:
                value = _from_hex(token[_HEX])
            elif kind == _STRING:
                value = _unescaped(token[_STRING])
            elif kind == _MARK and token[_MARK] == b"[":
                array = []
                continue
            elif kind == _MARK and token[_MARK] == b"(":
                position, value = _nested_string(data, token.end())
            elif kind == _MARK and array is not None:
                value, array = array, None
            else:
                continue
            if array is not None:
                array.append(value)
            elif len(operands) < _MOST_OPERANDS:
                operands.append(value)
            if position is not None:
                break


def _unescaped(string: bytes) -> bytes:
    return _ESCAPE.sub(_escape, string) if b"\\" in string else string


def _escape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code in _LINE_ENDS:
        return b""
    if code[:1].isdigit() and code[0] < ord("8"):
        return bytes([int(code, _CODE) & 0xFF])
    return _ESCAPED.get(code, code)


def _from_hex(digits: bytes) -> bytes:
    try:
        return unhexlify(digits)
    except BinasciiError:
        digits = b"".join(digits.replace(b"\0", b"").split())
        return unhexlify(digits + b"0" * (len(digits) % 2))


def _name(raw: bytes) -> str:
    text = raw.decode("latin-1")
    return _HASH.sub(lambda found: chr(int(found[1], 16)), text) if "#" in text else text


def _nested_string(data: bytes, position: int) -> tuple[int, bytes]:
    """A string with parentheses in it, or one that never ends: the rest of the data then."""
    start, depth = position, 1
    for found in re.compile(rb"\\.|[()]", re.DOTALL).finditer(data, position):
        if found[0] == b"(":
            depth += 1
        elif found[0] == b")":
            depth -= 1
            if depth == 0:
                return found.end(), _unescaped(data[start : found.start()])
    return len(data), b""


def _after_picture(data: bytes, position: int) -> int:
    found = _PICTURE_END.search(data, position)
    return found.end() if found else len(data)
