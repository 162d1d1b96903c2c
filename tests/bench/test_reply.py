"""Bytes from a server become texts with the times at which they came."""

from __future__ import annotations

import pytest

from bench.reply import Reply, ReplyError, read_reply

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
USAGE = b'{"prompt_tokens":7,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":5}}'
EVENTS = (
    b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"One"}}]}\n\n',
    b": a comment\n\n",
    b'data: {"choices":[{"delta":{"content":" two three"}}]}\n\n',
    b'data: {"choices":[],"usage":' + USAGE + b"}\n\ndata: [DONE]\n\n",
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def received(*pieces: bytes) -> list[tuple[float, bytes]]:
    """Piece n came at second n, counted from 1."""
    return [(float(at), piece) for at, piece in enumerate(pieces, 1)]


def test_each_text_has_the_time_of_its_event() -> None:
    reply = read_reply(0.5, received(HEAD, *map(chunk, EVENTS), chunk(b"")))
    assert [(piece.at, piece.text) for piece in reply.pieces] == [(3.0, "One"), (5.0, " two three")]
    assert reply.first_s == 2.5
    assert (reply.tokens, reply.prompt_tokens, reply.cached_tokens) == (4, 7, 5)
    assert reply.tokens_per_s == 3 / 2
    assert reply.is_complete


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50])
def test_pieces_of_any_length_say_the_same(length: int) -> None:
    whole = HEAD + b"".join(map(chunk, EVENTS)) + chunk(b"")
    pieces = [whole[start : start + length] for start in range(0, len(whole), length)]
    assert read_reply(0, received(*pieces)).text == "One two three"


def test_a_body_without_chunks_is_read_too() -> None:
    head = HEAD.replace(b"Transfer-Encoding: chunked\r\n", b"")
    assert read_reply(0, received(head, *EVENTS)).text == "One two three"


def test_a_client_that_left_has_what_came_before() -> None:
    reply = read_reply(0, received(HEAD, *map(chunk, EVENTS[:2])))
    assert (reply.text, reply.tokens, reply.is_complete) == ("One", 1, False)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b'{"error":"no"}'),
        (HEAD, chunk(b'data: {"error":{"message":"no"}}\n\n')),
        (b"HTTP/1.1 20",),
    ],
)
def test_what_is_no_stream_of_text_is_an_error(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(ReplyError):
        read_reply(0, received(*pieces))


def test_the_largest_gap_is_one_that_reaches_into_the_time_asked_for() -> None:
    def event(text: str) -> bytes:
        return chunk(b'data: {"choices":[{"text":"%s"}]}\n\n' % text.encode())

    times = (1.0, 9.0, 9.5, 12.0, 12.5, 19.0)
    reply: Reply = read_reply(0, [(0.5, HEAD), *((at, event("x")) for at in times)])
    assert reply.largest_gap_s(9.2, 12.2) == 2.5
