"""AES (FIPS 197) for reading documents that are encrypted with an empty password, as many are that
only forbid to be changed. Deciphers all blocks of a text at once: byte i of every block is one
string, and a table turns 256 values at a time. Not for secrets: its time depends on the data."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pypdf._encryption as encryption
from pypdf.errors import PdfStreamError

_BLOCK = 16
# The four columns of a block, as numbers.
Words = tuple[int, int, int, int]
_WORDS = struct.Struct(">4I")
_POLYNOMIAL = 0x11B


def _times(a: int, b: int) -> int:
    """The product in AES's field of 256 elements."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (_POLYNOMIAL if a & 0x80 else 0)
        b >>= 1
    return product


def _make_box() -> bytes:
    """The S-box: the inverse in the field, then an affine map of its bits (5.1.1)."""
    inverse = [0] * 256
    power, back = 1, 1
    for _ in range(255):
        inverse[power] = back
        power = _times(power, 3)
        back = _times(back, 0xF6)
    box = bytearray()
    for value in inverse:
        turned = value
        for shift in range(1, 5):
            turned ^= (value << shift | value >> (8 - shift)) & 0xFF
        box.append(turned ^ 0x63)
    return bytes(box)


_BOX = _make_box()
_BACK = bytes(_BOX.index(value) for value in range(256))
# _MIX_BACK[factor][value], with which InvMixColumns (5.3.3) multiplies.
_FACTORS = (14, 11, 13, 9)
_MIX_BACK = [bytes(_times(value, factor) for value in range(256)) for factor in _FACTORS]
# What one byte of a column adds to the mixed column, for each of its four places (5.1.3).
_FIRST = [_times(s, 2) << 24 | s << 16 | s << 8 | _times(s, 3) for s in _BOX]
_TABLES = [[w >> turn | w << (32 - turn) & 0xFFFFFFFF for w in _FIRST] for turn in (0, 8, 16, 24)]


def round_keys(key: bytes) -> list[bytes]:
    """The key of each round, 16 bytes each (5.2)."""
    words = [key[at : at + 4] for at in range(0, len(key), 4)]
    length, rounds = len(words), len(words) + 6
    constant = 1
    while len(words) < 4 * (rounds + 1):
        word = words[-1]
        if len(words) % length == 0:
            word = (word[1:] + word[:1]).translate(_BOX)
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _times(constant, 2)
        elif length > 6 and len(words) % length == 4:
            word = word.translate(_BOX)
        words.append(_xor(words[-length], word))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def decipher_blocks(key: bytes, data: bytes) -> bytes:
    """Each block of 16 bytes by itself. `data` is whole blocks."""
    keys = round_keys(key)
    count = len(data) // _BLOCK
    columns = [data[at::_BLOCK] for at in range(_BLOCK)]
    columns = _add_key(columns, keys[-1], count)
    for number in range(len(keys) - 2, -1, -1):
        # Byte r of column c comes from column c - r (InvShiftRows).
        columns = [columns[(at - 4 * (at % 4)) % _BLOCK].translate(_BACK) for at in range(_BLOCK)]
        columns = _add_key(columns, keys[number], count)
        if number:
            columns = _unmixed(columns)
    whole = bytearray(len(data))
    for at, column in enumerate(columns):
        whole[at::_BLOCK] = column
    return bytes(whole)


def encipher_block(keys: Sequence[Words], block: Words) -> Words:
    """One block, with the keys of all rounds. The tables do SubBytes, ShiftRows and MixColumns of
    one column at once."""
    key = keys[0]
    a, b, c, d = block[0] ^ key[0], block[1] ^ key[1], block[2] ^ key[2], block[3] ^ key[3]
    one, two, three, four = _TABLES
    for key in keys[1:-1]:
        a, b, c, d = (
            one[a >> 24] ^ two[b >> 16 & 255] ^ three[c >> 8 & 255] ^ four[d & 255] ^ key[0],
            one[b >> 24] ^ two[c >> 16 & 255] ^ three[d >> 8 & 255] ^ four[a & 255] ^ key[1],
            one[c >> 24] ^ two[d >> 16 & 255] ^ three[a >> 8 & 255] ^ four[b & 255] ^ key[2],
            one[d >> 24] ^ two[a >> 16 & 255] ^ three[b >> 8 & 255] ^ four[c & 255] ^ key[3],
        )
    key = keys[-1]
    return (
        _last(a, b, c, d) ^ key[0],
        _last(b, c, d, a) ^ key[1],
        _last(c, d, a, b) ^ key[2],
        _last(d, a, b, c) ^ key[3],
    )


def _last(a: int, b: int, c: int, d: int) -> int:
    """A column of the last round, which mixes nothing."""
    high = _BOX[a >> 24] << 24 | _BOX[b >> 16 & 255] << 16
    return high | _BOX[c >> 8 & 255] << 8 | _BOX[d & 255]


def cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Chained blocks: each is mixed with the enciphered one before it."""
    return _xor(decipher_blocks(key, data), (iv + data)[: len(data)])


def cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    keys = [_words(round_key) for round_key in round_keys(key)]
    last = _words(iv)
    blocks = []
    for block in _WORDS.iter_unpack(data):
        mixed = (block[0] ^ last[0], block[1] ^ last[1], block[2] ^ last[2], block[3] ^ last[3])
        last = encipher_block(keys, mixed)
        blocks.append(_WORDS.pack(*last))
    return b"".join(blocks)


class Cipher:
    """Takes the place of pypdf's `CryptAES`, which needs a library of several MB."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def decrypt(self, data: bytes, *, strict: bool = True) -> bytes:
        """A string or stream: 16 bytes to begin with, then blocks, the last one filled up with
        bytes that say how many they are. Damage at the end loses the end alone."""
        if len(data) < 2 * _BLOCK:
            if strict and len(data) not in (0, _BLOCK):
                raise PdfStreamError(f"{len(data)} bytes are no enciphered text")
            return b""
        whole = len(data) - len(data) % _BLOCK
        text = cbc_decrypt(self._key, data[:_BLOCK], data[_BLOCK:whole])
        return text[: -text[-1]] if 1 <= text[-1] <= _BLOCK else text


def teach_pypdf() -> None:
    """Give pypdf this cipher. It looks these names up in that module when it needs them."""
    taught = {
        "CryptAES": Cipher,
        "aes_cbc_decrypt": cbc_decrypt,
        "aes_cbc_encrypt": cbc_encrypt,
        "aes_ecb_decrypt": decipher_blocks,
    }
    for name, ours in taught.items():
        assert hasattr(encryption, name), f"this pypdf has no {name}"
        setattr(encryption, name, ours)


def _xor(first: bytes, second: bytes) -> bytes:
    mixed = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    return mixed.to_bytes(len(first), "big")


def _add_key(columns: Sequence[bytes], key: bytes, count: int) -> list[bytes]:
    return [_xor(column, bytes([key[at]]) * count) for at, column in enumerate(columns)]


def _unmixed(columns: Sequence[bytes]) -> list[bytes]:
    """InvMixColumns: byte r is 14, 11, 13 and 9 times the bytes r, r+1, r+2 and r+3."""
    mixed = []
    for at in range(_BLOCK):
        first = at - at % 4
        total = 0
        for step, table in enumerate(_MIX_BACK):
            column = columns[first + (at + step) % 4]
            total ^= int.from_bytes(column.translate(table), "big")
        mixed.append(total.to_bytes(len(columns[0]), "big"))
    return mixed


def _words(block: bytes) -> Words:
    a, b, c, d = _WORDS.unpack(block)
    return a, b, c, d
