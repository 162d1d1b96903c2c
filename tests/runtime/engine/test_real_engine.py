"""The engine on llama.cpp and a real chat model."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from llamapack_runtime.chat.types import Message
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.step import Chunk, Remove
from llamapack_runtime.engine.types import Request
from runtime.engine.listener import Listener
from runtime.engine.real_session import GREEDY, QUESTIONS, answer, ask, open_context, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_greedy_text_is_sane(smol_model: Model) -> None:
    with session(smol_model) as chat:
        assert "Paris" in answer(chat, QUESTIONS[0])


def test_mixed_requests_in_one_batch_answer_as_alone(smol_model: Model) -> None:
    """llama.cpp computes a row with other kernels when there are more rows beside it, so the
    logits differ in their last bits and a near tie may fall the other way. Most answers must be
    equal to the letter, and each must begin the same: a mix-up of sequences changes them all."""
    with session(smol_model) as chat:
        alone = [answer(chat, question) for question in QUESTIONS]
        listeners = [ask(chat, question, str(i)) for i, question in enumerate(QUESTIONS)]
        assert all(listener.finished().completion_tokens > 5 for listener in listeners)
        together = [listener.text for listener in listeners]
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    assert same >= 2, (alone, together)
    assert all(a[:12] == b[:12] for a, b in zip(alone, together, strict=True))


def test_logits_in_a_batch_are_those_alone_within_rounding(smol_model: Model) -> None:
    prompts = [smol_model.tokenize(q, add_special=True, parse_special=True) for q in QUESTIONS]
    chunks = [Chunk(str(i), i, 0, prompt, 1) for i, prompt in enumerate(prompts)]
    with open_context(smol_model, n_ctx=512, n_batch=256) as context:
        together = logits(context, chunks)
        for chunk, expected in zip(chunks, together, strict=True):
            for slot in range(4):
                context.perform(Remove(slot))
            (found,) = logits(context, [chunk])
            difference = max(abs(a - b) for a, b in zip(found, expected, strict=True))
            assert difference < 0.5, "logits span about 40"


def logits(context: Context, chunks: list[Chunk]) -> list[list[float]]:
    from llamapack_runtime.engine.lib import library  # the module exists once it is loaded

    assert context.decode(chunks) == "ok"
    rows, end = [], 0
    for chunk in chunks:
        end += len(chunk.tokens)
        pointer = library().llama_get_logits_ith(context.handle, end - 1)
        rows.append(pointer[: context.model.n_vocab])
    return rows


def test_seeds_reproduce(smol_model: Model) -> None:
    warm = SamplingParams(temperature=1.5, seed=7)
    with session(smol_model) as chat:
        first, again = (answer(chat, QUESTIONS[3], sampling=warm) for _ in range(2))
        other = answer(chat, QUESTIONS[3], sampling=replace(warm, seed=8))
        drawn = {answer(chat, QUESTIONS[3], sampling=replace(warm, seed=None)) for _ in range(3)}
    assert first == again
    assert first != other
    assert len(drawn) > 1


def test_penalties_change_what_is_repeated(smol_model: Model) -> None:
    penalised = replace(GREEDY, repeat_penalty=1.8, presence_penalty=1.5, frequency_penalty=1.0)
    with session(smol_model) as chat:
        assert answer(chat, "Say no ten times.") != answer(
            chat, "Say no ten times.", sampling=penalised
        )


def test_a_request_cannot_take_all_memory_for_its_penalties(smol_model: Model) -> None:
    greedy = replace(GREEDY, repeat_penalty=1.1, repeat_last_n=2**31 - 1)
    with session(smol_model) as chat:
        assert answer(chat, QUESTIONS[0], sampling=greedy).strip()


def test_cancel_frees_the_slot(smol_model: Model) -> None:
    with session(smol_model, n_seq_max=1) as chat:
        endless = ask(chat, "Tell a very long story.", "a", max_tokens=None)
        endless.wait_for_text()
        chat.abort("a")
        assert endless.finished().reason == "aborted"
        assert chat.stats().kv_used == chat.stats().kv_idle
        assert "Paris" in answer(chat, QUESTIONS[0], name="b")


def test_stop_strings(smol_model: Model) -> None:
    with session(smol_model) as chat:
        whole = answer(chat, QUESTIONS[1])
        middle = whole[len(whole) // 2 :][:4]
        listener = ask(chat, QUESTIONS[1], stop=[middle])
        assert listener.finished().stop_sequence == middle
    assert listener.text == whole[: whole.index(middle)]


def test_characters_of_several_tokens_come_whole(smol_model: Model) -> None:
    with session(smol_model) as chat:
        text = answer(chat, "Repeat exactly: 😀 🎉 日本語 😀 🎉 日本語", max_tokens=60)
    assert "\ufffd" not in text.rstrip("\ufffd")
    assert any(ord(character) > 0x2000 for character in text)


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(smol_model: Model) -> None:
    with session(smol_model, n_ctx=256) as chat:
        prompt = chat.chat_prompt([Message("user", "word " * 400)])
        listener = Listener()
        chat.submit(Request("a", prompt), listener)
        failure = listener.failed()
    assert (failure.status, failure.code) == (400, "context_length_exceeded")
    assert {str(len(prompt)), "256"} <= set(re.findall(r"\d+", failure.message))


def test_a_lone_request_fills_the_context_and_ends_with_length(smol_model: Model) -> None:
    with session(smol_model, n_ctx=256, n_seq_max=1) as chat:
        prompt = chat.text_prompt("one two three " * 70)
        listener = Listener()
        chat.submit(Request("a", prompt, GREEDY), listener)
        end = listener.finished()
        assert end.reason == "length"
        assert end.prompt_tokens + end.completion_tokens == 257
        assert "Paris" in answer(chat, QUESTIONS[0])


def test_pause_and_resume_gives_the_same_greedy_text(smol_model: Model) -> None:
    """Two answers that do not fit together: the younger is paused, and computed again."""
    prompts = ["Once upon a time there was a king", "The list of numbers: 1, 2, 3, 4, 5"]
    with session(smol_model, n_ctx=256, n_seq_max=2) as chat:
        alone, together = [Listener(), Listener()], [Listener(), Listener()]
        requests = [
            Request(str(i), chat.text_prompt(prompt), GREEDY, 150)
            for i, prompt in enumerate(prompts)
        ]
        for request, listener in zip(requests, alone, strict=True):
            chat.submit(request, listener)
            listener.finished()
        for request, listener in zip(requests, together, strict=True):
            chat.submit(request, listener)
        assert [listener.finished().completion_tokens for listener in together] == [150, 150]
        assert chat.stats().paused
    for one, other in zip(alone, together, strict=True):
        assert one.text[:60] == other.text[:60]


def test_twenty_requests_over_four_slots_all_complete(smol_model: Model) -> None:
    with session(smol_model, n_ctx=512) as chat:
        listeners = [ask(chat, QUESTIONS[i % 4], str(i), max_tokens=20) for i in range(20)]
        ends = [listener.finished() for listener in listeners]
        assert chat.stats().busy == 0
    assert all(end.completion_tokens for end in ends)
    assert len({listener.text[:10] for listener in listeners}) >= 4


def test_close_interrupts_a_long_prompt(smol_model: Model) -> None:
    with session(smol_model, n_ctx=8192, n_batch=4096, n_seq_max=1) as chat:
        listener = Listener()
        chat.submit(Request("a", chat.text_prompt("word " * 4000)), listener)
        begin = time.monotonic()
        chat.close()
        took_s = time.monotonic() - begin
        assert listener.failed().code == "shutting_down"
    assert took_s < 2.0
