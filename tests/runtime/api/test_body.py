"""What is no usable JSON, and how the reader says so."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.json_text import MAX_CONTAINERS, MAX_DEPTH, MAX_ITEMS, MAX_QUOTES, parse

CHAT = "/v1/chat/completions"
# Longer than what is searched at once.
LONG = b'["' + b"[" * 300_000 + b'"'


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"{} {}", "trailing"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"\xff": 1}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": "\xc0\x80"}', "not UTF-8"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b'{"a": "\\ud800x\\udc00"}', "not valid JSON"),
        (b'{"a": "\x00"}', "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": Infinity}', "not valid JSON"),
        (b'{"a": -Infinity}', "not valid JSON"),
        (b'{"a": 1e400}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": 01}', "not valid JSON"),
        (b'{"a": +1}', "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b'{"a": 1} // why', "trailing"),
        (nested(MAX_DEPTH + 1), "64 levels"),
        (b"[" * 100_000, "64 levels"),
        (LONG + b"," + b"[" * MAX_DEPTH, "64 levels"),
        (LONG[:-1] + b"\\", "not valid JSON"),
        (b"[" + b"[]," * MAX_CONTAINERS + b"[]]", "200000 arrays and objects"),
        (b"[" + b"1," * (MAX_ITEMS + 1) + b"1]", "2000000 values"),
        (b'"' * (MAX_QUOTES + 1), "2000000 quotation marks"),
        (b'"' + b'\\"' * 900_000 + b"\\", "not valid JSON"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_read_is_a_sentence(text: bytes, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(text)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": -0}', {"a": 0}),
        (b'{"a": 1e-400}', {"a": 0.0}),
        (b'{"a": 18446744073709551616}', {"a": 2**64}),
        (b'{"a": "\\u0000\\ud83d\\ude00"}', {"a": "\0\U0001f600"}),
        (b'["[[[[[[\\"[[[[[", "]]"]', ['[[[[[["[[[[[', "]]"]),
        (b'"\\\\"', "\\"),
        (b" [1]\r\n\t ", [1]),
        (LONG + b", []]", ["[" * 300_000, []]),
        (b'["' + b'\\"[{' * 100_000 + b'", 1]', ['"[{' * 100_000, 1]),
        (b'["a' + b'\\"[{' * 100_000 + b'", 1]', ["a" + '"[{' * 100_000, 1]),
        (b"[" + b'"[",' * 50_000 + b"1]", ["["] * 50_000 + [1]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_can_be_read_has_this_value(text: bytes, value: object) -> None:
    assert parse(text) == value


def test_64_levels_are_enough() -> None:
    assert parse(nested(MAX_DEPTH))
    assert parse(b'{"a": "' + b"[" * 100_000 + b'"}') == {"a": "[" * 100_000}


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"]
)
def test_a_program_may_name_any_type(client: TestClient, kind: str) -> None:
    body = b'{"messages":[{"role":"user","content":"Hi"}]}'
    assert client.post(CHAT, content=body, headers={"Content-Type": kind}).status_code == 200


def test_the_page_itself_sends_json(client: TestClient) -> None:
    body = b'{"messages":[{"role":"user","content":"Hi"}]}'
    own = {"Origin": "http://localhost:8080"}
    assert client.post(CHAT, content=body, headers=own).status_code == 415
    as_json = own | {"Content-Type": "application/json"}
    assert client.post(CHAT, content=body, headers=as_json).status_code == 200
