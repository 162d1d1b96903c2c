"""Grammars: what is compiled, what is refused, and what an answer may be."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from fakes import ByteTokenizer, FakeModel
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import GrammarError
from llamapack_runtime.engine.grammar import MAX_LARK_CHARACTERS, Grammar
from runtime.engine.asking import ask, request

COMPILER = ByteTokenizer()


def of_schema(schema: object) -> Grammar:
    return COMPILER.grammar("start: %json " + json.dumps(schema))


def matches(grammar: Grammar, text: str) -> bool:
    matcher = grammar.start()
    try:
        for byte in text.encode():
            matcher.accept(byte)
        matcher.accept(ByteTokenizer.END)
    except GrammarError:
        return False
    return True


def test_a_grammar_serves_many_answers() -> None:
    grammar = COMPILER.grammar('start: "yes" | "no"')
    assert [matches(grammar, text) for text in ("yes", "no", "yes", "maybe", "ye")] == [
        *(True, True, True, False, False)
    ]


def test_a_grammar_is_compiled_once() -> None:
    lark = 'start: "again"'
    assert COMPILER.grammar(lark) is COMPILER.grammar(lark)


def test_a_mask_lists_the_fewer_tokens() -> None:
    grammar = COMPILER.grammar('start: "yes" | "no"')
    few = grammar.start().mask()
    assert (list(few.tokens), few.is_inverted) == ([ord("n"), ord("y")], False)
    many = COMPILER.grammar("start: /[^x]+/").start().mask()
    assert many.is_inverted
    assert ord("x") in many.tokens
    assert ord("y") not in many.tokens


def test_control_tokens_are_named_by_number() -> None:
    grammar = COMPILER.grammar(f'start: "a" <[{ByteTokenizer.IM_START}]> "b"')
    matcher = grammar.start()
    for token in (ord("a"), ByteTokenizer.IM_START, ord("b")):
        matcher.accept(token)
    assert matcher.is_over


def test_text_cannot_stand_for_a_control_token() -> None:
    assert not matches(COMPILER.grammar(f"start: <[{ByteTokenizer.IM_START}]>"), "<|im_start|>")


def test_what_is_forced_is_known() -> None:
    matcher = COMPILER.grammar('start: /[ab]/ "cde" /[fg]/').start()
    assert matcher.forced() == []
    matcher.accept(ord("a"))
    assert bytes(matcher.forced()) == b"cde"


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"not": {}}, "not"),
        ({"if": {}, "then": {}}, "if"),
        ({"$ref": "http://example.com/x"}, "http://example.com/x"),
        ({"type": "colour"}, "colour"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-ahead"),
        ({"type": "string", "format": "nonsense"}, "nonsense"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "minLength"),
        (False, "false"),
        ({"$ref": "#"}, "no text"),
    ],
    ids=str,
)
def test_a_schema_that_cannot_be_expressed_is_refused_by_name(schema: Any, word: str) -> None:
    with pytest.raises(GrammarError, match="cannot be used") as raised:
        of_schema(schema)
    assert word in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "lark", ["", "start: other", "start: /(/", 'start: "a', "\0", "start: <[9999]>"]
)
def test_a_broken_grammar_is_refused(lark: str) -> None:
    with pytest.raises(GrammarError):
        COMPILER.grammar(lark)


def test_a_schema_with_too_many_choices_is_refused_for_that_reason() -> None:
    properties = {f"field_{number}": {"type": "string"} for number in range(1000)}
    matcher = of_schema({"type": "object", "properties": properties}).start()
    with pytest.raises(GrammarError, match="optional properties"):
        matcher.accept(ord("{"))


def test_a_grammar_that_is_too_long_is_refused() -> None:
    with pytest.raises(GrammarError, match="at most"):
        COMPILER.grammar("start: " + "x" * MAX_LARK_CHARACTERS)


@pytest.mark.parametrize(
    "lark",
    [
        "start: /(a|b|ab|ba|aab)*abb(a|b){400}/",
        "start: " + "(" * 200 + '"a"' + ")*" * 200,
        'start: x x x x x x x x x x\nx: "" | "a" | x x',
        "start: /((a{0,100}){0,100}){0,100}/",
        'start: %json {"type":"array","minItems":100000,"items":{"maxLength":100000}}',
    ],
    ids=range(5),
)
def test_a_hostile_grammar_costs_little_or_is_refused(lark: str) -> None:
    started = time.process_time()
    try:
        matcher = COMPILER.grammar(lark).start()
        for _ in range(20):
            mask = matcher.mask()
            if mask.is_inverted or not mask.tokens:
                break
            matcher.accept(mask.tokens[0])
    except GrammarError:
        pass
    assert time.process_time() - started < 3.0


@pytest.mark.parametrize("lark", ['start: s\ns: s s s | s s | "a" | ""', 'start: x\nx: x x | "a"'])
def test_a_grammar_that_takes_ever_longer_is_given_up(lark: str) -> None:
    matcher = COMPILER.grammar(lark).start()

    def follow() -> None:
        for _ in range(5000):
            matcher.forced()
            matcher.mask()
            matcher.accept(ord("a"))

    started = time.thread_time()
    with pytest.raises(GrammarError, match="too ambiguous"):
        follow()
    assert time.thread_time() - started < 6.0


def test_an_answer_keeps_to_its_grammar_and_ends_with_it() -> None:
    with Engine(FakeModel("maybe not")) as engine:
        listener = ask(engine, request(grammar=COMPILER.grammar('start: "yes" | "no"')))
        end = listener.finished()
    assert (listener.text, end.reason, end.completion_tokens) == ("no", "stop", 2)


def test_what_is_forced_is_computed_in_one_step() -> None:
    model = FakeModel("x" * 100)
    with Engine(model) as engine:
        listener = ask(engine, request(grammar=COMPILER.grammar('start: /[ab]/ "1234567890123"')))
        assert listener.finished().reason == "stop"
    assert listener.text == "a1234567890123"
    assert len(model.batches) < 6, "a prompt, and guesses of several tokens at once"


def test_a_grammar_that_gives_up_fails_its_request_alone() -> None:
    grammar = COMPILER.grammar("start: /[ab]*/")
    bad = grammar.start()
    with pytest.raises(GrammarError):
        bad.accept(ord("c"))
    with pytest.raises(GrammarError):
        bad.mask()
    with Engine(FakeModel("a")) as engine:
        assert ask(engine, request(grammar=grammar)).finished().reason == "stop"
