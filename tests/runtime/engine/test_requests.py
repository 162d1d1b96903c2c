"""What a request can ask for besides text: where it ends, what is shown, what is told of tokens."""

from __future__ import annotations

import pytest

from fakes import ByteTokenizer, FakeModel
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.reasoning import ReasoningGuard
from llamapack_runtime.engine.types import ReasoningLimit
from runtime.engine.asking import ask, request

IM_START = ByteTokenizer.IM_START


def test_a_stop_token_ends_the_answer_unseen() -> None:
    with Engine(FakeModel("one.two")) as engine:
        listener = ask(engine, request(stop_tokens=frozenset(b".")))
        assert listener.finished().reason == "stop"
    assert listener.text == "one"


def test_a_stop_token_does_not_end_an_answer_too_early() -> None:
    with Engine(FakeModel("a.b.c.d")) as engine:
        early = request(stop_tokens=frozenset(b"."), min_tokens=3)
        listener = ask(engine, early)
        assert listener.finished().reason == "stop"
        assert listener.text == "a.b"


@pytest.mark.parametrize(("includes", "text"), [(False, "one"), (True, "one.t")])
def test_a_stop_string_is_shown_when_asked_for(includes: bool, text: str) -> None:
    with Engine(FakeModel("one.two")) as engine:
        listener = ask(engine, request(stop=(".t",), includes_stop=includes))
        assert listener.finished().stop_sequence == ".t"
    assert listener.text == text


class Marking(FakeModel):
    """Says a control token between two letters."""

    def _next(self, request_id: str, cells: list[int]) -> int:
        token = super()._next(request_id, cells)
        return IM_START if token == ord("*") else token


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (frozenset(), "ab"),
        (frozenset([IM_START]), "a<|im_start|>b"),
        (frozenset([ByteTokenizer.BOS]), "ab"),
        (None, "a<|im_start|>b"),
    ],
)
def test_control_tokens_have_text_when_asked_for(shown: frozenset[int] | None, text: str) -> None:
    with Engine(Marking("a*b")) as engine:
        listener = ask(engine, request(shown_tokens=shown))
        listener.finished()
    assert listener.text == text


def test_the_tokens_of_the_text_come_with_it() -> None:
    with Engine(FakeModel("äb")) as engine:
        listener = ask(engine, request())
        listener.finished()
    assert [token.token for token in listener.tokens] == [*"äb".encode()]


def test_log_probabilities_come_when_asked_for() -> None:
    with Engine(FakeModel("ab")) as engine:
        listener = ask(engine, request(n_probs=1))
        listener.finished()
        plain = ask(engine, request("b"))
        plain.finished()
    first, _ = listener.tokens
    assert first.chosen is not None
    assert (first.chosen.piece, first.chosen.logprob, len(first.top)) == (b"a", -0.5, 1)
    assert all(token.chosen is None for token in plain.tokens)


LIMIT = ReasoningLimit(3, "</think>", tuple(b"!</think>"))


def test_reasoning_that_goes_on_for_too_long_is_ended() -> None:
    with Engine(FakeModel("abcdefghijklmnop</think>q")) as engine:
        listener = ask(engine, request(reasoning_limit=LIMIT))
        listener.finished()
    assert listener.text.startswith("abc!</think>")


def test_reasoning_that_ends_in_time_is_left_alone() -> None:
    with Engine(FakeModel("a</think>and a long answer")) as engine:
        limit = ReasoningLimit(12, "</think>", tuple(b"!</think>"))
        listener = ask(engine, request(reasoning_limit=limit))
        listener.finished()
    assert listener.text == "a</think>and a long answer"


def test_no_reasoning_at_all_is_ended_at_once() -> None:
    limit = ReasoningLimit(0, "</think>", tuple(b"</think>"))
    with Engine(FakeModel("Hi")) as engine:
        listener = ask(engine, request(reasoning_limit=limit))
        listener.finished()
    assert listener.text.startswith("</think>")


def test_a_limit_waits_for_the_reasoning_to_begin() -> None:
    guard = ReasoningGuard(ReasoningLimit(2, "</t>", (7, 8), begin="<t>"))
    for piece in (b"a long", b" way", b" to", b" <", b"t", b">"):
        guard.see(piece)
        assert not guard.forced
    guard.see(b"x")
    assert not guard.forced
    guard.see(b"y")
    assert guard.forced == [7, 8]
