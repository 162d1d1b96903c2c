"""The bookkeeping of a probe, and the thread counts: pure."""

from __future__ import annotations

import math

import pytest

from llamapack_runtime.hardware.cpus import CpuLimits
from llamapack_runtime.hardware.ledger import Ledger
from llamapack_runtime.hardware.messages import (
    Begun,
    Computed,
    Done,
    Event,
    Failed,
    GemmTimed,
    Kind,
    Scored,
    Timed,
    WorkOrder,
    decode_event,
    encode_event,
)
from llamapack_runtime.hardware.threads import (
    choose_threads,
    thread_candidates,
    usual_threads,
    was_disturbed,
)


def timed(name: str, kind: Kind, seconds: float, tokens: int = 1, threads: int = 1) -> Timed:
    return Timed(name, kind, threads, tokens, seconds, seconds * threads)


def ledger_of(**variants: tuple[int, float, float]) -> Ledger:
    """name -> score, seconds per written token, seconds per read token."""
    ledger = Ledger()
    for name, (score, decode_s, prompt_s) in variants.items():
        ledger.apply(Scored(name, score))
        ledger.apply(timed(name, "decode", decode_s))
        ledger.apply(timed(name, "prompt", prompt_s * 32, tokens=32))
    return ledger


def best(ledger: Ledger) -> str:
    fastest = ledger.fastest()
    assert fastest is not None
    return fastest.variant


def test_reading_counts_as_well_as_writing() -> None:
    assert best(ledger_of(a=(1, 0.010, 0.001), b=(2, 0.011, 0.003))) == "a"
    assert best(ledger_of(a=(1, 0.010, 0.003), b=(2, 0.011, 0.001))) == "b"


def test_the_best_repeat_counts() -> None:
    ledger = ledger_of(a=(1, 0.010, 0.001), b=(2, 0.090, 0.009))
    ledger.apply(timed("b", "decode", 0.005))
    ledger.apply(timed("b", "prompt", 0.016, tokens=32))
    assert best(ledger) == "b"


@pytest.mark.parametrize(("spread", "expected"), [(1.02, "plain"), (1.25, "rich"), (9.0, "plain")])
def test_what_counts_as_noise_is_seen_in_the_repeats(spread: float, expected: str) -> None:
    """20 % apart: more than the noise of a calm computer, less than that of a restless one; but no
    unrest excuses a variant that is half as fast."""
    slow = 0.024 if spread < 2 else 0.04
    ledger = ledger_of(plain=(1, 0.020, 0.0), rich=(9, slow, 0.0))
    for name, seconds in (("plain", 0.020), ("rich", slow)):
        for _ in range(4):
            ledger.apply(timed(name, "decode", seconds * spread))
    assert best(ledger) == expected


def test_time_that_other_programs_took_does_not_count() -> None:
    ledger = ledger_of(a=(1, 0.010, 0.001), b=(2, 0.020, 0.001))
    ledger.apply(Timed("b", "decode", 1, 1, 0.050, 0.004))
    assert best(ledger) == "b"


def test_a_variant_that_failed_later_is_out() -> None:
    ledger = ledger_of(a=(1, 0.010, 0.001), b=(2, 0.001, 0.0001))
    ledger.apply(Failed("b", "llama_decode returned -3"))
    assert best(ledger) == "a"


@pytest.mark.parametrize("logits", [[math.nan, 1.0], [math.inf, 1.0], [-1.0, 1.0], [1.0], []])
def test_numbers_far_from_the_plainest_variant_s_are_wrong(logits: list[float]) -> None:
    ledger = ledger_of(x64=(1, 0.010, 0.001), zen4=(9, 0.001, 0.0001))
    ledger.apply(Computed("x64", [1.0, 2.0]))
    ledger.apply(Computed("zen4", logits))
    assert ledger.wrong() == {"zen4"}
    assert best(ledger) == "x64"


def test_when_nothing_comes_out_a_number_the_variants_are_not_to_blame() -> None:
    ledger = ledger_of(x64=(1, 0.010, 0.001))
    ledger.apply(Computed("x64", [math.nan]))
    assert best(ledger) == "x64"


def test_rounding_is_not_wrong() -> None:
    ledger = ledger_of(x64=(1, 0.010, 0.001), zen4=(9, 0.001, 0.0001))
    ledger.apply(Computed("x64", [1.0, 2.0]))
    ledger.apply(Computed("zen4", [1.02, 1.99]))
    assert best(ledger) == "zen4"


def test_history_carries_everything_measured() -> None:
    ledger = ledger_of(a=(1, 0.010, 0.001), b=(2, 0.005, 0.001), c=(3, 0.001, 0.001))
    ledger.apply(Computed("b", [1.0]))
    copy = Ledger()
    for event in ledger.history(["a", "b"]):
        decoded = decode_event(encode_event(event))
        assert decoded is not None
        copy.apply(decoded)
    assert best(copy) == "b"
    assert copy.speed("a") == ledger.speed("a")
    assert copy.speed("c") is None


EVENTS: list[Event] = [
    Begun("haswell"),
    Scored("haswell", 64),
    timed("haswell", "prompt", 0.25, 32, 2),
    Computed("haswell", [1.5, -2.0]),
    GemmTimed(64, 0.25, 0.5, 0.01),
    Failed("haswell", "no"),
    Done(),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_survive_the_wire_and_cut_lines_do_not_pass(event: Event) -> None:
    line = encode_event(event)
    assert decode_event(line) == event
    assert [decode_event(line[:cut]) for cut in range(len(line))] == [None] * len(line)


@pytest.mark.parametrize(
    "line", ["", "llama_model_load: x", "3", "[]", '{"event": "Exit"}', "null"]
)
def test_other_lines_are_no_events(line: str) -> None:
    assert decode_event(line) is None


def test_an_order_survives_the_wire() -> None:
    order = WorkOrder("/lib", (("a", "/lib/ä b"),), ("Q4_K",), 1.5, "", (1, 2), (1,), "/g", ("{}",))
    assert WorkOrder.decode(order.encode()) == order


@pytest.mark.parametrize("text", ["", "{}", "[]", "--help", '{"variants": [1]}'])
def test_nonsense_is_no_order(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the JSON library words some of them
        WorkOrder.decode(text)


@pytest.mark.parametrize(
    ("logical", "physical", "quota", "usual", "candidates"),
    [
        (1, 1, None, 1, (1,)),
        (2, 2, None, 2, (1, 2)),
        (16, 8, None, 8, (1, 4, 8, 16)),
        (16, 8, 3.5, 3, (1, 2, 3)),
        (16, 8, 0.5, 1, (1,)),
        (8, 8, 6.0, 6, (1, 3, 6)),
    ],
)
def test_thread_counts_stay_within_the_limits(
    logical: int, physical: int, quota: float | None, usual: int, candidates: tuple[int, ...]
) -> None:
    limits = CpuLimits(logical, physical, quota, ())
    assert usual_threads(limits) == usual
    assert thread_candidates(limits) == candidates


def repeats(count: int, *seconds: float) -> list[Timed]:
    return [timed("a", "decode", one, threads=count) for one in seconds]


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ((0.010, 0.010, 0.010), (0.006, 0.006, 0.006), 2),
        ((0.010, 0.010, 0.010), (0.0105, 0.0105, 0.0105), 2),  # noise does not overrule the rule
        ((0.010, 0.010, 0.010), (0.006, 0.300, 0.300), 1),  # a busy neighbour, lucky once
        ((0.010, 0.010, 0.010), (0.006, 0.006, 0.300), 2),  # unlucky once
        ((), (), 2),
        ((0.010,), (), 2),
    ],
)
def test_the_typical_time_decides_the_threads(
    one: tuple[float, ...], two: tuple[float, ...], expected: int
) -> None:
    assert choose_threads(2, {1: repeats(1, *one), 2: repeats(2, *two)}) == expected


def test_a_child_that_got_all_it_spun_on_was_undisturbed() -> None:
    assert not was_disturbed({2: repeats(2, 0.01, 0.01)})
    assert was_disturbed({2: [Timed("a", "decode", 2, 1, 0.01, 0.011)]})
    assert not was_disturbed({})
