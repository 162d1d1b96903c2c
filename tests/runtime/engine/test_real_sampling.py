"""llama.cpp's samplers, log probabilities and grammars on a real chat model."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Request
from runtime.engine.listener import Listener
from runtime.engine.real_session import GREEDY, QUESTIONS, answer, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 30},
        "country": {"enum": ["France", "Peru"]},
        "population": {"type": "integer", "minimum": 0, "maximum": 99999999},
    },
    "required": ["city", "country", "population"],
    "additionalProperties": False,
}


def run(chat: Session, question: str = QUESTIONS[0], **fields: object) -> Listener:
    listener = Listener()
    prompt = chat.chat_prompt([Message("user", question)])
    request = Request("a", prompt, GREEDY, 40)
    chat.submit(replace(request, **fields), listener)  # type: ignore[arg-type]  # a shorthand
    listener.finished()
    return listener


def test_log_probabilities_are_those_of_the_whole_vocabulary(smol_model: Model) -> None:
    with session(smol_model, speculates=False) as chat:
        listener = run(chat, n_probs=20)
    sampled = listener.tokens
    assert sampled
    for one in sampled:
        assert one.chosen is not None
        probabilities = [math.exp(candidate.logprob) for candidate in one.top]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0.2 < sum(probabilities) <= 1.001
        assert one.top[0] == one.chosen, "greedy takes the likeliest"
    pieces = [one.chosen.piece for one in sampled if one.chosen is not None]
    assert b"".join(pieces).decode() == listener.text


def test_log_probabilities_are_told_of_guessed_tokens_too(smol_model: Model) -> None:
    question = "Repeat this line five times: the cat sat on the mat and the dog lay by the door"
    with session(smol_model, least_step_s=0.02) as chat:
        listener = run(chat, question, n_probs=0, max_tokens=120)
    assert listener.finished().accepted_tokens > 0
    assert all(one.chosen is not None for one in listener.tokens)
    assert all(one.chosen.token == one.token for one in listener.tokens if one.chosen)


def test_an_answer_fits_its_schema(smol_model: Model) -> None:
    grammar = smol_model.grammar("start: %json " + json.dumps(SCHEMA))
    with session(smol_model) as chat:
        for seed in range(5):
            warm = SamplingParams(temperature=1.2, seed=seed)
            listener = run(chat, grammar=grammar, sampling=warm, max_tokens=200)
            end = listener.finished()
            assert end.reason == "stop"
            value = json.loads(listener.text)
            assert value.keys() == SCHEMA["properties"].keys()  # type: ignore[attr-defined]  # a dict
            assert value["country"] in ("France", "Peru")
            assert 0 <= value["population"] <= 99999999


def test_what_a_schema_forces_needs_fewer_steps(smol_model: Model) -> None:
    grammar = smol_model.grammar("start: %json " + json.dumps(SCHEMA))
    with session(smol_model) as chat:
        before = chat.stats().steps
        end = run(chat, grammar=grammar, max_tokens=200).finished()
        steps = chat.stats().steps - before
    assert end.accepted_tokens >= 3
    assert steps < end.completion_tokens


def test_an_answer_can_be_made_to_last(smol_model: Model) -> None:
    question = "Answer with one word: what is the capital of France?"
    with session(smol_model) as chat:
        usual = run(chat, question, max_tokens=64).finished()
        longer = run(chat, question, max_tokens=64, min_tokens=40).finished()
        endless = run(chat, question, max_tokens=64, ignores_end=True).finished()
    assert usual.completion_tokens < 40 <= longer.completion_tokens
    assert (endless.reason, endless.completion_tokens) == ("length", 64)


def test_a_stop_token_does_not_come_too_early(smol_model: Model) -> None:
    with session(smol_model) as chat:
        third = run(chat).tokens[2].token
        stop = frozenset({third, 2**31 - 1})
        assert run(chat, stop_tokens=stop).finished().completion_tokens == 3
        later = run(chat, stop_tokens=stop, min_tokens=8)
        assert later.finished().completion_tokens > 8
        assert third not in [one.token for one in later.tokens[:8]]


def test_a_forbidden_token_does_not_come(smol_model: Model) -> None:
    with session(smol_model) as chat:
        first = run(chat).tokens[0].token
        other = replace(GREEDY, logit_bias=((first, -math.inf),))
        assert run(chat, sampling=other).tokens[0].token != first
        wanted = smol_model.tokenize(" banana", add_special=False, parse_special=False)[0]
        loved = replace(GREEDY, logit_bias=((wanted, 100.0),))
        assert run(chat, sampling=loved).tokens[0].token == wanted


@pytest.mark.parametrize(
    "values",
    [
        {"typical_p": 0.5},
        {"top_n_sigma": 0.1},
        {"xtc_probability": 1.0, "xtc_threshold": 0.05},
        {"dry_multiplier": 5.0, "dry_allowed_length": 1, "dry_penalty_last_n": -1},
        {"mirostat": 1},
        {"mirostat": 2},
        {"dynatemp_range": 0.5},
        {"samplers": ("temperature", "top_k"), "top_k": 3},
        {"samplers": ("top_k", "adaptive_p"), "adaptive_target": 0.5},
        {"samplers": ("top_k", "top_p", "infill")},
        {"samplers": ("infill", "infill")},
        {"samplers": ()},
        {"min_keep": 50},
        {"repeat_penalty": 1.3, "repeat_last_n": -1},
    ],
    ids=str,
)
def test_every_sampler_of_llama_cpp_can_be_had(
    smol_model: Model, values: dict[str, object]
) -> None:
    plain = SamplingParams(temperature=0.9, seed=3)
    params = replace(plain, **values)  # type: ignore[arg-type]  # a table
    with session(smol_model) as chat:
        usual = answer(chat, QUESTIONS[3], sampling=plain)
        texts = {answer(chat, QUESTIONS[3], sampling=params) for _ in range(2)}
    assert len(texts) == 1, "a seed gives the same text again"
    assert texts != {usual}, "it changes nothing"
    assert texts.pop().strip()


def test_infill_ends_where_no_token_is_likely_enough(smol_model: Model) -> None:
    """And not where the answer may not end yet."""
    for temperature in (0.0, 2.0):
        infill = SamplingParams(temperature=temperature, seed=4, samplers=("infill",))
        with session(smol_model) as chat:
            usual = run(chat, QUESTIONS[3], sampling=infill).finished()
            longer = run(chat, QUESTIONS[3], sampling=infill, min_tokens=30).finished()
            schema = smol_model.grammar("start: %json " + json.dumps(SCHEMA))
            shaped = run(chat, QUESTIONS[3], sampling=infill, grammar=schema)
        assert (usual.reason, usual.completion_tokens < 30) == ("stop", True)
        assert longer.completion_tokens >= 30
        assert shaped.finished().reason == "length"
        assert shaped.text.startswith("{")


def test_the_order_of_samplers_counts(smol_model: Model) -> None:
    hot = SamplingParams(temperature=3.0, top_k=0, min_p=0.0, top_p=0.9, seed=5)
    before = replace(hot, samplers=("top_p", "temperature"))
    after = replace(hot, samplers=("temperature", "top_p"))
    with session(smol_model) as chat:
        assert answer(chat, QUESTIONS[3], sampling=before) != answer(
            chat, QUESTIONS[3], sampling=after
        )
