"""New images on their way to the engine: text overtakes them, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from event_loop import run_async
from fakes import FakeModel
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.preparing import MAX_LOOKING, N_THREADS, Preparing
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Image
from llamapack_runtime.engine.seen import Seen
from runtime.api.served import TIMEOUT_S
from runtime.chat.seeing import SPAN, FakeVision, chat, session_with


class GatedVision(FakeVision):
    """Encodes when the gate is open."""

    def __init__(self, model: FakeModel) -> None:
        super().__init__(model)
        self.begun = threading.Semaphore(0)
        self.gate = threading.Event()

    def look(self, data: bytes) -> Seen:
        self.begun.release()
        assert self.gate.wait(TIMEOUT_S), "nobody opened the gate"
        return super().look(data)

    def wait_until_begun(self) -> None:
        assert self.begun.acquire(timeout=TIMEOUT_S)


@pytest.fixture
def vision() -> Iterator[GatedVision]:
    made = GatedVision(FakeModel("ok"))
    yield made
    made.gate.set()


@pytest.fixture
def session(vision: GatedVision) -> Iterator[Session]:
    made = session_with(vision._model, vision)
    yield made
    made.close()


def image(n: int) -> Image:
    return Image.of(b"image %d" % n, f"place {n}")


def test_text_overtakes_new_images(vision: GatedVision, session: Session) -> None:
    async def run() -> None:
        preparing = Preparing()
        asked = [partial(session.prepare, chat(image(n))) for n in range(2 * N_THREADS)]
        pictures = [asyncio.ensure_future(preparing.run(work)) for work in asked]
        await asyncio.to_thread(vision.wait_until_begun)
        text = preparing.run(partial(session.prepare, chat()))
        assert (await asyncio.wait_for(text, TIMEOUT_S / 2)).media == ()
        assert not any(picture.done() for picture in pictures)
        vision.gate.set()
        prompts = await asyncio.gather(*pictures)
        assert all(prompt.media == (SPAN,) for prompt in prompts)

    run_async(run())
    assert len(vision.looked) == 2 * N_THREADS


def test_so_does_an_image_that_was_seen_before(vision: GatedVision, session: Session) -> None:
    async def run() -> None:
        preparing = Preparing()
        vision.looked.append(image(1).data)
        new = asyncio.ensure_future(preparing.run(partial(session.prepare, chat(image(2)))))
        await asyncio.to_thread(vision.wait_until_begun)
        known = preparing.run(partial(session.prepare, chat(image(1))))
        assert (await asyncio.wait_for(known, TIMEOUT_S / 2)).media == (SPAN,)
        vision.gate.set()
        await new

    run_async(run())


def test_who_leaves_has_no_further_image_encoded(vision: GatedVision, session: Session) -> None:
    async def run() -> None:
        preparing = Preparing()
        asked = [chat(image(1), image(2)), chat(image(3)), chat(image(4))]
        works = [preparing.run(partial(session.prepare, one)) for one in asked]
        leaving = asyncio.ensure_future(works[0])
        await asyncio.to_thread(vision.wait_until_begun)
        waiting, staying = (asyncio.ensure_future(work) for work in works[1:])
        while len(preparing._looking._waiting) < 2:
            await asyncio.to_thread(lambda: None)
        leaving.cancel()
        waiting.cancel()
        await asyncio.wait({leaving, waiting})
        vision.gate.set()
        await staying

    run_async(run())
    assert vision.looked == [image(1).data, image(4).data]


def test_beyond_the_queue_an_image_is_refused_and_text_is_not(
    vision: GatedVision, session: Session
) -> None:
    async def run() -> None:
        preparing = Preparing()
        asked = [partial(session.prepare, chat(image(n))) for n in range(MAX_LOOKING + 1)]
        held = [asyncio.ensure_future(preparing.run(work)) for work in asked]
        await asyncio.to_thread(vision.wait_until_begun)
        while len(preparing._looking._waiting) < MAX_LOOKING:
            await asyncio.to_thread(lambda: None)
        with pytest.raises(ApiError) as refused:
            await preparing.run(partial(session.prepare, chat(image(99))))
        assert (refused.value.status, refused.value.code) == (503, "server_busy")
        assert (await preparing.run(partial(session.prepare, chat()))).tokens
        vision.gate.set()
        await asyncio.gather(*held)

    run_async(run())


def test_an_image_that_cannot_be_read_is_named(vision: GatedVision, session: Session) -> None:
    vision.gate.set()
    bad = partial(session.prepare, chat(Image.of(b"bad", "there")))
    with pytest.raises(ChatError, match="'there': The image is bad"):
        run_async(Preparing().run(bad))


def test_all_of_it_is_done_while_the_model_is_lent(vision: GatedVision, session: Session) -> None:
    vision.gate.set()
    lent: list[object] = []

    def during(work: object) -> object:
        lent.append(work)
        assert callable(work)
        return work()

    run_async(Preparing().run(partial(session.prepare, chat(image(1))), during))
    assert len(lent) == 3
