"""How fast the store is with 10,000 chats of 20 messages. The bounds are several times what a slow
computer of two cores needed, so that they fail only for another order of growth."""

from __future__ import annotations

import itertools
import random
import statistics
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from llamapack_runtime.store.chats import ChatStore
from runtime.store.chat_files import talk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CHATS = 10_000
MESSAGES = 20
NAMES = 3000


def clock() -> int:
    return time.time_ns() // 1_000_000


def texts(rng: random.Random) -> list[str]:
    """Some hundred words each, a few of them very common, as in any language."""
    words = [
        "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 9))) for _ in range(20_000)
    ]
    weights = list(itertools.accumulate(1 / (place + 1) for place in range(len(words))))
    return [
        "the 你好 " + " ".join(rng.choices(words, cum_weights=weights, k=80)) for _ in range(NAMES)
    ]


def library() -> bytes:
    rng = random.Random(1)
    pool = texts(rng)

    def message(place: int) -> dict[str, object]:
        parent = None if place == 0 else str(place - 1)
        role = "assistant" if place % 2 else "user"
        content = rng.choice(pool)
        told: dict[str, object] = {"id": str(place), "parent": parent, "content": content}
        return told | {"role": role, "created_ms": place}

    chats = [
        {"title": f"Chat {nth}", "created_ms": nth, "updated_ms": rng.randrange(10**6)}
        | {"messages": [message(place) for place in range(MESSAGES)]}
        for nth in range(CHATS)
    ]
    return msgspec.json.encode({"format": "llamapack-chats", "version": 1, "chats": chats})


def seconds(work: Callable[[], object]) -> float:
    """The best of three."""
    times = []
    for _ in range(3):
        start_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - start_s)
    return min(times)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatStore]:
    made = ChatStore.open(tmp_path_factory.mktemp("speed") / "chats.sqlite3", clock)
    data = library()
    start_s = time.perf_counter()
    assert made.import_(data).messages == CHATS * MESSAGES
    assert time.perf_counter() - start_s < 150, "importing is slow"
    yield made
    made.close()


def test_a_page_of_the_list_is_quick(store: ChatStore) -> None:
    first = store.list()
    assert seconds(store.list) < 0.2
    assert seconds(lambda: store.list(50, first.next)) < 0.2


@pytest.mark.parametrize("query", ["the", "你好", "th", "the 你好", "chat", "nowhere", "a"])
def test_a_search_is_quick(store: ChatStore, query: str) -> None:
    assert seconds(lambda: store.search(query)) < 0.6


def test_opening_is_quick(store: ChatStore) -> None:
    path: Path = store._database.path
    assert seconds(lambda: ChatStore.open(path, clock).close()) < 1


def test_a_growing_answer_is_saved_quickly(store: ChatStore) -> None:
    _, answer = talk(store, "Why?", "")
    text = "some words " * 2000
    times = []
    for length in range(0, 20_000, 100):
        start_s = time.perf_counter()
        store.save_answer(answer.id, text[:length], "", "answering")
        times.append(time.perf_counter() - start_s)
    assert statistics.median(times[-50:]) < 0.005
