"""The embedder's thread over a fake model."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from fake_embedder import FakePooled
from llamapack_runtime.engine.embed_types import Embedded, EmbedRequest
from llamapack_runtime.engine.embedding import Embedder
from llamapack_runtime.engine.errors import ContextError, DecodeError
from llamapack_runtime.engine.types import Failed

TIMEOUT_S = 10.0


class Mail:
    """The end of a request."""

    def __init__(self) -> None:
        self._ends: queue.SimpleQueue[Embedded | Failed] = queue.SimpleQueue()

    def __call__(self, end: Embedded | Failed) -> None:
        self._ends.put(end)

    def embedded(self) -> Embedded:
        end = self._ends.get(timeout=TIMEOUT_S)
        assert isinstance(end, Embedded), end
        return end

    def failed(self) -> Failed:
        end = self._ends.get(timeout=TIMEOUT_S)
        assert isinstance(end, Failed), end
        return end

    @property
    def is_empty(self) -> bool:
        return self._ends.empty()


def ask(embedder: Embedder, name: str, *inputs: tuple[int, ...]) -> Mail:
    mail = Mail()
    embedder.submit(EmbedRequest(name, inputs or ((1, 2, 3),)), mail)
    return mail


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def pooled(gate: threading.Event) -> FakePooled:
    return FakePooled(gate=gate)


@pytest.fixture
def embedder(pooled: FakePooled) -> Iterator[Embedder]:
    with Embedder(lambda: pooled, "mean", max_waiting=3) as one:
        yield one


def test_requests_get_their_vectors(embedder: Embedder, gate: threading.Event) -> None:
    gate.set()
    mails = [ask(embedder, str(i), (i, i), (i + 2,)) for i in range(3)]
    for i, mail in enumerate(mails):
        end = mail.embedded()
        assert [rows[0][0] for rows in end.rows] == [i, i + 2]
        assert end.compute_s > 0


def test_what_waits_is_computed_together(
    embedder: Embedder, pooled: FakePooled, gate: threading.Event
) -> None:
    first = ask(embedder, "a")
    assert pooled.computing.wait(TIMEOUT_S)
    others = [ask(embedder, name) for name in "bc"]
    gate.set()
    for mail in (first, *others):
        mail.embedded()
    assert [len(batch) for batch in pooled.batches] == [1, 2]


def test_the_queue_is_bounded(
    embedder: Embedder, pooled: FakePooled, gate: threading.Event
) -> None:
    mails = [ask(embedder, name) for name in "abc"]
    assert pooled.computing.wait(TIMEOUT_S)
    one_more = ask(embedder, "d")
    gate.set()
    failure = one_more.failed()
    assert (failure.status, failure.code) == (503, "server_busy")
    for mail in mails:
        mail.embedded()


def test_an_abort_ends_the_work(
    embedder: Embedder, pooled: FakePooled, gate: threading.Event
) -> None:
    first = ask(embedder, "a", *[(1,) * 16] * 100)
    assert pooled.computing.wait(TIMEOUT_S)
    embedder.abort("a")
    second = ask(embedder, "b")
    gate.set()
    second.embedded()
    assert first.is_empty
    assert len(pooled.batches) == 2


def test_a_failed_step_fails_its_requests_alone(
    embedder: Embedder, pooled: FakePooled, gate: threading.Event
) -> None:
    pooled.outcomes.append(DecodeError("It broke."))
    first = ask(embedder, "a")
    assert pooled.computing.wait(TIMEOUT_S)
    second = ask(embedder, "b")
    gate.set()
    assert first.failed().message == "It broke."
    second.embedded()


def test_an_unexpected_error_does_not_end_the_thread(
    embedder: Embedder, pooled: FakePooled, gate: threading.Event
) -> None:
    pooled.outcomes.append(RuntimeError("what?"))
    gate.set()
    assert ask(embedder, "a").failed().status == 500
    ask(embedder, "b").embedded()


def test_close_ends_what_runs_and_refuses_the_rest(embedder: Embedder, pooled: FakePooled) -> None:
    mail = ask(embedder, "a")
    assert pooled.computing.wait(TIMEOUT_S)
    embedder.close()
    assert mail.failed().code == "shutting_down"
    assert ask(embedder, "b").failed().code == "shutting_down"
    assert pooled.is_closed
    embedder.close()


def test_a_context_is_made_for_the_first_request_and_tried_again() -> None:
    pooled = FakePooled()
    made: list[FakePooled | None] = [None, pooled]

    def open_context() -> FakePooled:
        context = made.pop(0)
        if context is None:
            raise ContextError("There is no memory.")
        return context

    with Embedder(open_context, "mean") as embedder:
        assert len(made) == 2
        failure = ask(embedder, "a").failed()
        assert (failure.status, failure.message) == (503, "There is no memory.")
        ask(embedder, "b").embedded()
    assert pooled.is_closed


def test_beside_a_running_chat_it_is_polite_and_computes_little() -> None:
    pooled = FakePooled(n_batch=512, n_sequences=32)
    busy = [True]
    with Embedder(lambda: pooled, "mean", is_chat_busy=lambda: busy[0]) as embedder:
        ask(embedder, "a", *[(1,) * 100] * 10).embedded()
        assert {sum(len(piece.tokens) for piece in batch) for batch in pooled.batches} == {100}
        assert all(pooled.was_polite)
        pooled.batches.clear()
        busy[0] = False
        ask(embedder, "b", *[(1,) * 100] * 10).embedded()
    assert [len(batch) for batch in pooled.batches] == [5, 5]
    assert not pooled.was_polite[-1]
