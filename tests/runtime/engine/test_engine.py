from __future__ import annotations

import logging

import pytest

from fakes import FakeModel, FakeSampler
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import DecodeError, EngineError
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Event, Queued, Request, TextDelta
from runtime.engine.asking import ask, held, request
from runtime.engine.listener import TIMEOUT_S


def test_the_reply_comes_in_order_and_whole_characters() -> None:
    with Engine(FakeModel("Hi 😀!")) as engine:
        listener = ask(engine, request())
        end = listener.finished()
    assert listener.text == "Hi 😀!"
    assert [e.text for e in listener.events if isinstance(e, TextDelta)] == [*"Hi 😀!"]
    assert (end.reason, end.prompt_tokens, end.completion_tokens) == ("stop", 2, 9)
    assert end.stop_sequence is None
    assert min(end.prompt_s, end.completion_s) >= 0


def test_a_long_prompt_reports_its_progress() -> None:
    with Engine(FakeModel("ok", n_batch=10)) as engine:
        listener = ask(engine, request(prompt="x" * 25))
        listener.finished()
    assert listener.progress == [(10, 25), (20, 25), (25, 25)]


def test_max_tokens_ends_with_length() -> None:
    with Engine(FakeModel("Hello")) as engine:
        listener = ask(engine, request(max_tokens=3))
        assert listener.finished().reason == "length"
    assert listener.text == "Hel"


def test_no_tokens_wanted_is_an_empty_answer() -> None:
    with Engine(FakeModel("Hello")) as engine:
        end = ask(engine, request(max_tokens=0)).finished()
    assert (end.reason, end.completion_tokens) == ("length", 0)


def test_an_answer_cut_inside_a_character_ends_with_a_replacement() -> None:
    with Engine(FakeModel("😀")) as engine:
        listener = ask(engine, request(max_tokens=2))
        listener.finished()
    assert listener.text == "\ufffd"


def test_a_stop_string_over_several_tokens_ends_the_answer() -> None:
    with Engine(FakeModel("one\n\ntwo")) as engine:
        listener = ask(engine, request(stop=("\n\n",)))
        end = listener.finished()
    assert listener.text == "one"
    assert (end.reason, end.stop_sequence) == ("stop", "\n\n")


def test_what_only_looked_like_a_stop_string_is_given_out() -> None:
    with Engine(FakeModel("one\n")) as engine:
        listener = ask(engine, request(stop=("\n\n",)))
        end = listener.finished()
    assert listener.text == "one\n"
    assert end.stop_sequence is None


@pytest.mark.parametrize(
    ("asked", "status", "code", "words"),
    [
        (request(prompt="x" * 65), 400, "context_length_exceeded", ["65 tokens", "64"]),
        (request(prompt=""), 400, "invalid_request", ["empty"]),
        (Request("a", (1, 999)), 400, "invalid_request", ["0", "259"]),
        (Request("a", (-1,)), 400, "invalid_request", ["0", "259"]),
        (
            request(sampling=SamplingParams(repeat_penalty=0.0)),
            400,
            "invalid_request",
            ["repeat_penalty"],
        ),
        (
            request(sampling=SamplingParams(temperature=float("nan"))),
            400,
            "invalid_request",
            ["temperature"],
        ),
        (request(sampling=SamplingParams(seed=-5)), 400, "invalid_request", ["seed"]),
        (request(stop=("x" * 5000,)), 400, "invalid_request", ["4096"]),
    ],
)
def test_a_request_that_cannot_run_is_refused(
    asked: Request, status: int, code: str, words: list[str]
) -> None:
    with Engine(FakeModel(n_ctx=64)) as engine:
        failure = ask(engine, asked).failed()
    assert (failure.status, failure.code) == (status, code)
    assert all(word in failure.message for word in words)


def test_a_full_queue_answers_busy() -> None:
    model = FakeModel("ok", n_seq_max=1)
    with held(model, max_waiting=1) as engine:
        first, second = ask(engine, request("a")), ask(engine, request("b"))
        assert model.decoding.wait(TIMEOUT_S)
        third = ask(engine, request("c"))
        assert model.gate is not None
        model.gate.set()
        failure = third.failed()
        assert (first.finished().reason, second.finished().reason) == ("stop", "stop")
    assert (failure.status, failure.code) == (503, "server_busy")
    assert failure.retry_after_s is not None
    assert 1 <= failure.retry_after_s <= 60
    assert second.events[0] == Queued(0)


def test_an_id_in_use_is_refused_and_its_owner_goes_on() -> None:
    model = FakeModel("ok")
    with held(model) as engine:
        first, second = ask(engine, request("a")), ask(engine, request("a"))
        assert model.gate is not None
        model.gate.set()
        assert second.failed().status == 400
        assert first.finished().reason == "stop"


def test_abort_frees_the_slot() -> None:
    model = FakeModel(n_seq_max=1, n_ctx=100_000)
    with Engine(model) as engine:
        endless = ask(engine, request("a"))
        endless.wait_for_text()
        engine.abort("a")
        assert endless.finished().reason == "aborted"
        stats = engine.stats()
        assert (stats.busy, stats.kv_used) == (0, stats.kv_idle)
        assert ask(engine, request("b", max_tokens=3)).finished().reason == "length"
        assert all(sampler.is_closed for sampler in model.samplers)


def test_abort_takes_effect_after_the_step_in_progress() -> None:
    model = FakeModel("a long reply", n_batch=4)
    with held(model) as engine:
        listener = ask(engine, request(prompt="x" * 40))
        assert model.decoding.wait(TIMEOUT_S)
        engine.abort("a")
        assert model.gate is not None
        model.gate.set()
        assert listener.finished().reason == "aborted"
        assert len(model.batches) == 1


def test_a_waiting_request_can_be_aborted() -> None:
    model = FakeModel("ok", n_seq_max=1)
    with held(model) as engine:
        first, second = ask(engine, request("a")), ask(engine, request("b"))
        engine.abort("b")
        assert model.gate is not None
        model.gate.set()
        assert second.finished().reason == "aborted"
        assert first.finished().reason == "stop"


def test_abort_of_an_unknown_request_is_ignored() -> None:
    with Engine(FakeModel("ok")) as engine:
        engine.abort("nobody")
        assert ask(engine, request()).finished().reason == "stop"


def alone(prompt: str, max_tokens: int) -> str:
    with Engine(FakeModel()) as engine:
        listener = ask(engine, request(prompt=prompt, max_tokens=max_tokens))
        listener.finished()
    return listener.text


def test_requests_in_one_batch_answer_as_they_do_alone() -> None:
    prompts = [("a" * 5, 30), ("b" * 70, 20), ("c" * 130, 40), ("d", 35)]
    expected = [alone(prompt, limit) for prompt, limit in prompts]
    with Engine(FakeModel(n_batch=16)) as engine:
        listeners = [
            ask(engine, request(str(i), prompt, max_tokens=limit))
            for i, (prompt, limit) in enumerate(prompts)
        ]
        assert [listener.finished().reason for listener in listeners] == ["length"] * 4
    assert [listener.text for listener in listeners] == expected


def test_pressure_pauses_a_request_and_changes_no_text() -> None:
    model = FakeModel(n_ctx=300, n_seq_max=2)
    expected = [alone("old" * 10, 250), alone("young" * 10, 130)]
    with held(model, speculates=False) as engine:
        old = ask(engine, request("old", "old" * 10, max_tokens=250))
        young = ask(engine, request("young", "young" * 10, max_tokens=130))
        assert model.gate is not None
        model.gate.set()
        assert (old.finished().reason, young.finished().reason) == ("length", "length")
        assert engine.stats().paused
    assert [old.text, young.text] == expected
    assert young.progress[-1] == (50, 50)
    assert len(model.samplers) == 2, "a paused request keeps the state of its sampling"


def test_twenty_requests_over_four_slots_all_complete() -> None:
    with Engine(FakeModel("A reply.", n_ctx=256)) as engine:
        listeners = [ask(engine, request(str(i), "x" * (i + 1))) for i in range(20)]
        assert [listener.finished().reason for listener in listeners] == ["stop"] * 20
        stats = engine.stats()
        assert stats.prompt_tokens + stats.resident_tokens == sum(range(1, 21))
        assert engine.stats().completion_tokens == 20 * 9
    assert all(listener.text == "A reply." for listener in listeners)


def test_a_lone_request_fills_the_context() -> None:
    with Engine(FakeModel(n_ctx=32)) as engine:
        end = ask(engine, request(prompt="x" * 10)).finished()
    assert (end.reason, end.completion_tokens) == ("length", 23)


def test_a_failed_decode_fails_those_in_the_step_and_the_engine_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = FakeModel("ok")
    model.outcomes = [DecodeError("llama.cpp could not compute the next tokens (code -3).")]
    with caplog.at_level(logging.CRITICAL), Engine(model) as engine:
        failure = ask(engine, request("a")).failed()
        assert (failure.status, failure.code) == (500, "decode_failed")
        assert ask(engine, request("b")).finished().reason == "stop"


def test_a_fault_of_the_engine_fails_its_requests_and_the_engine_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = FakeModel("ok")
    model.outcomes = [RuntimeError("a fault")]
    with caplog.at_level(logging.CRITICAL), Engine(model) as engine:
        assert ask(engine, request("a")).failed().code == "engine_error"
        assert ask(engine, request("b")).finished().reason == "stop"


class Choosy(FakeModel):
    """Cannot sample for prompts that begin with an exclamation mark."""

    def create_sampler(self, request: Request) -> FakeSampler:
        if request.prompt_tokens[0] == ord("!"):
            raise EngineError("llama.cpp could not create a sampler; memory may be short.")
        return super().create_sampler(request)


def test_a_request_that_cannot_be_sampled_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    model = Choosy("ok")
    with caplog.at_level(logging.CRITICAL), held(model) as engine:
        listeners = [ask(engine, request(name, prompt)) for name, prompt in ("a!", "b?")]
        assert model.gate is not None
        model.gate.set()
        assert listeners[0].failed().code == "engine_error"
        assert listeners[1].finished().reason == "stop"


def test_a_backend_without_room_pauses_the_youngest() -> None:
    model = FakeModel("ok")
    with held(model) as engine:
        model.outcomes = ["no_slot"]
        listeners = [ask(engine, request(name)) for name in "ab"]
        assert model.gate is not None
        model.gate.set()
        assert [listener.finished().reason for listener in listeners] == ["stop", "stop"]


def test_a_backend_without_room_for_a_lone_request_ends_it_with_length() -> None:
    model = FakeModel("ok")
    model.outcomes = ["no_slot"]
    with Engine(model) as engine:
        assert ask(engine, request()).finished().reason == "length"


def test_an_emit_that_raises_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_event: Event) -> None:
        raise OSError("the client is gone")

    with caplog.at_level(logging.CRITICAL), Engine(FakeModel("ok")) as engine:
        engine.submit(request("a"), broken)
        assert ask(engine, request("b")).finished().reason == "stop"


def test_close_ends_running_and_waiting_requests() -> None:
    model = FakeModel(n_seq_max=1)
    with held(model) as engine:
        listeners = [ask(engine, request(name)) for name in "ab"]
        assert model.decoding.wait(TIMEOUT_S)
        engine.close()
        failures = [listener.failed() for listener in listeners]
    assert [(f.status, f.code) for f in failures] == [(503, "shutting_down")] * 2
    assert model.is_closed


def test_submit_after_close_fails_at_once() -> None:
    engine = Engine(FakeModel("ok"))
    engine.close()
    engine.close()
    assert ask(engine, request()).failed().code == "shutting_down"


def test_close_interrupts_a_step() -> None:
    model = FakeModel("ok")
    with held(model) as engine:
        listener = ask(engine, request())
        assert model.decoding.wait(TIMEOUT_S)
        engine.close()
        assert listener.failed().code == "shutting_down"
        assert not model.batches


def test_stats_count_slots_queue_and_cells() -> None:
    model = FakeModel("ok", n_seq_max=1, n_ctx=64)
    with held(model) as engine:
        ask(engine, request("a", "x" * 7))
        assert model.decoding.wait(TIMEOUT_S)
        last = ask(engine, request("b"))
        assert engine.stats().slots == 1
        assert engine.stats().kv_total == 64
        assert model.gate is not None
        model.gate.set()
        last.finished()
        stats = engine.stats()
    assert (stats.busy, stats.waiting, stats.prompt_tokens) == (0, 0, 9)
