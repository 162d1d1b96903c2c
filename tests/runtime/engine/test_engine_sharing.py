"""Steps, shared prompts, guesses, saved states and shifts, over a model that is made up."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fakes import FakeModel
from llamapack_runtime.engine.budget import STREAMING_STEP_S
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.types import PromptProgress
from runtime.engine.asking import ask, request


def test_prompts_are_read_in_short_steps_while_somebody_streams() -> None:
    model = FakeModel(n_ctx=8192, n_batch=1024, token_s=0.001)
    with Engine(model) as engine:
        ask(engine, request("first", "y" * 600, max_tokens=1)).finished()
        stream = ask(engine, request("stream"))
        stream.wait_for_text()
        ask(engine, request("prompt", "x" * 1000, max_tokens=1)).finished()
        engine.abort("stream")
        stream.finished()
    mixed = [b for b in model.batches if {c.request_id for c in b} == {"stream", "prompt"}]
    sizes = [sum(len(chunk.tokens) for chunk in batch) for batch in mixed]
    assert max(sizes) * model.token_s < STREAMING_STEP_S * 1.5
    assert len(sizes) < 20, "many tiny steps read slowly"


def test_a_shared_beginning_is_read_once() -> None:
    with Engine(FakeModel("ok", n_ctx=2048, n_batch=512)) as engine:
        ask(engine, request("a", "system " * 40 + "one?")).finished()
        end = ask(engine, request("b", "system " * 40 + "two?")).finished()
        stats = engine.stats()
    assert (end.prompt_tokens, end.cached_tokens) == (284, 280)
    assert (stats.prompt_tokens, stats.resident_tokens) == (288, 280)


def test_guesses_change_the_speed_and_not_the_text() -> None:
    prompt = "the quick brown fox and the quick brown fox and the quick"
    reply = " brown fox and the quick brown fox and the quick brown fox and the end"
    texts, steps = [], []
    for speculates in (False, True):
        model = FakeModel(reply, token_s=0.0001)
        with Engine(model, speculates=speculates) as engine:
            listener = ask(engine, request(prompt=prompt))
            end = listener.finished()
        texts.append(listener.text)
        steps.append(len(model.batches))
    assert texts == [reply, reply]
    assert steps[1] < steps[0] / 2, steps
    assert end.accepted_tokens > 30
    assert end.completion_tokens == len(reply) + 1


def test_no_tokens_wanted_reads_the_prompt_all_the_same() -> None:
    with Engine(FakeModel("ok")) as engine:
        ask(engine, request("a", "some prompt", max_tokens=0)).finished()
        assert ask(engine, request("b", "some prompt")).finished().cached_tokens == 10


def test_a_kept_state_serves_the_next_engine(tmp_path: Path) -> None:
    def store() -> StateStore:
        return StateStore(ram_bytes=0, folder=tmp_path, disk_bytes=1 << 20, fingerprint=b"test")

    prompt = "x" * 200
    with Engine(FakeModel("ok", n_batch=256), states=store()) as engine:
        ask(engine, request("a", prompt, max_tokens=0, keep_state=True)).finished()
    with Engine(FakeModel("ok", n_batch=256), states=store()) as engine:
        listener = ask(engine, request("b", prompt + "?"))
        end = listener.finished()
        stats = engine.stats()
    assert end.cached_tokens == 200
    assert {one.cached for one in listener.events if isinstance(one, PromptProgress)} == {200}
    assert (stats.prompt_tokens, stats.restored_tokens) == (1, 200)


def test_a_damaged_state_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def store() -> StateStore:
        return StateStore(ram_bytes=0, folder=tmp_path, disk_bytes=1 << 20, fingerprint=b"test")

    prompt = "x" * 200
    with Engine(FakeModel("ok", n_batch=256), states=store()) as engine:
        ask(engine, request("a", prompt, max_tokens=0, keep_state=True)).finished()
    saved = next(path for path in tmp_path.iterdir() if path.stat().st_size > 200)
    data = bytearray(saved.read_bytes())
    data[-5] ^= 1
    saved.write_bytes(data)
    with caplog.at_level(logging.CRITICAL), Engine(FakeModel("ok"), states=store()) as engine:
        listener = ask(engine, request("b", prompt + "?"))
        end = listener.finished()
    assert (listener.text, end.cached_tokens) == ("ok", 0)


def test_a_full_context_can_shift_instead_of_ending() -> None:
    model = FakeModel(n_ctx=64)
    with Engine(model, shifts_context=True) as engine:
        end = ask(engine, request(max_tokens=200)).finished()
    assert (end.reason, end.completion_tokens) == ("length", 200)
