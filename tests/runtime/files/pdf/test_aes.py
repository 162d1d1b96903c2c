"""AES against the vectors of FIPS 197, and of NIST SP 800-38A for chained blocks."""

from __future__ import annotations

import pypdf._encryption
import pytest
from pypdf.errors import PdfStreamError

from llamapack_runtime.files.pdf.aes import (
    Cipher,
    cbc_decrypt,
    cbc_encrypt,
    decipher_blocks,
    teach_pypdf,
)

KEY = bytes(range(32))
PLAIN = bytes.fromhex("00112233445566778899aabbccddeeff")


@pytest.mark.parametrize(
    ("length", "enciphered"),
    [
        (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        (24, "dda97ca4864cdfe06eaf70a0ec0d7191"),
        (32, "8ea2b7ca516745bfeafc49904b496089"),
    ],
)
def test_the_examples_of_the_standard(length: int, enciphered: str) -> None:
    block = bytes.fromhex(enciphered)
    assert cbc_encrypt(KEY[:length], bytes(16), PLAIN) == block
    assert decipher_blocks(KEY[:length], block * 3) == PLAIN * 3


def test_chained_blocks() -> None:
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    iv = bytes(range(16))
    plain = bytes.fromhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    enciphered = bytes.fromhex(
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"
    )
    assert cbc_encrypt(key, iv, plain) == enciphered
    assert cbc_decrypt(key, iv, enciphered) == plain


def test_a_string_loses_its_filling() -> None:
    iv, padded = bytes(16), b"words" + bytes([11]) * 11
    assert Cipher(KEY).decrypt(iv + cbc_encrypt(KEY, iv, padded)) == b"words"


@pytest.mark.parametrize("size", [0, 16])
def test_an_empty_string_stays_empty(size: int) -> None:
    assert Cipher(KEY).decrypt(bytes(size)) == b""


def test_a_cut_off_string_keeps_its_whole_blocks() -> None:
    iv, plain = bytes(16), b"sixteen letters!" * 2
    cut = iv + cbc_encrypt(KEY, iv, plain) + b"rest"
    assert Cipher(KEY).decrypt(cut, strict=False) == plain


def test_too_few_bytes_are_an_error_only_where_it_is_strict() -> None:
    with pytest.raises(PdfStreamError):
        Cipher(KEY).decrypt(b"few")
    assert Cipher(KEY).decrypt(b"few", strict=False) == b""


def test_pypdf_looks_the_cipher_up_where_it_is_put() -> None:
    teach_pypdf()
    assert vars(pypdf._encryption)["CryptAES"] is Cipher
