"""Images for a model with M-RoPE, like Qwen2-VL: whoever else is answered and whatever was read
before, an answer is what llama.cpp's own mtmd_helper_eval_chunks gives for the prompt alone."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import pytest

from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.lib import library, vision_library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.step import Chunk
from llamapack_runtime.engine.types import Event, PromptProgress, Request
from llamapack_runtime.engine.vision import Read, Vision
from llamapack_runtime.files.picture import decode
from make_gguf import make_gguf
from make_mmproj import make_mmproj, png
from runtime.chat.seeing import looked_at
from runtime.engine.listener import Listener
from runtime.engine.real_session import GREEDY, open_context, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

Parts = tuple[str | bytes, ...]

WIDE, HIGH, SMALL = png(200, 100, 1), png(100, 300, 2), png(20, 20, 3)
GRIDS = {WIDE: (28, 7, 7), HIGH: (44, 4, 11), SMALL: (9, 3, 3)}
N_BATCH, N_CTX = 64, 768
N_TOKENS, N_PROBS = 8, 3
PROMPTS: tuple[Parts, ...] = (
    ("Look: ", WIDE, " what is it?"),
    ("Look: ", WIDE, " and this: ", HIGH, " which?"),
    ("Look: ", SMALL, WIDE, SMALL, " how many?"),
    ("No picture at all.",),
    (HIGH, "so"),
)


@pytest.fixture(scope="module")
def model(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    assert library_folder.is_dir()
    path = tmp_path_factory.mktemp("model") / "m.gguf"
    make_gguf(path, architecture="qwen2vl", n_layers=2, n_ctx=1024)
    with Model.open(path, 0, path.stat().st_size) as opened:
        yield opened


@pytest.fixture(scope="module")
def vision(
    model: Model, library_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Vision]:
    path = make_mmproj(tmp_path_factory.mktemp("eyes") / "p.gguf", kind="qwen2vl_merger")
    program = (sys.executable, "-m", "llamapack_runtime")
    reads = cache(partial(decode, program=program, libraries=library_folder))
    with Vision.open(model, path, reads, n_threads=1, most_at_once=N_BATCH) as opened:
        yield opened


@pytest.fixture
def running(model: Model) -> Iterator[Session]:
    with session(model, n_ctx=N_CTX, n_batch=N_BATCH) as opened:
        yield opened


def ask(session: Session, read: Read, name: str = "a", n: int = N_TOKENS) -> Listener:
    listener = Listener()
    request = Request(name, read.tokens, GREEDY, n, n_probs=N_PROBS, media=read.media)
    session.submit(request, listener)
    return listener


def said(listener: Listener) -> list[float]:
    listener.finished()
    return [one.logprob for token in listener.tokens for one in token.top]


def most_likely(logits: list[float]) -> tuple[int, list[float]]:
    total = math.log(sum(math.exp(one) for one in logits))
    order = sorted(range(len(logits)), key=lambda token: -logits[token])
    return order[0], [logits[token] - total for token in order[:N_PROBS]]


def reference(model: Model, vision: Vision, parts: Parts) -> list[float]:
    """As llama.cpp reads and answers the prompt alone."""
    lib, mtmd = library(), vision_library()
    with ExitStack() as resources, open_context(model, n_ctx=N_CTX, n_batch=N_BATCH) as context:
        filled = []
        for part in parts:
            if isinstance(part, bytes):
                pixels = vision._decode(part)
                size = (pixels.width, pixels.height, pixels.data)
                filled.append(vision._bitmap(part[-20:], *size, resources))
            else:
                filled.append(part)
        chunks = vision._chunks(filled, resources)
        past = ctypes.c_int32(0)
        handle = context.handle
        more = (0, 0, N_BATCH, True, ctypes.byref(past))
        assert mtmd.mtmd_helper_eval_chunks(vision._handle, handle, chunks, *more) == 0
        position, told = past.value, []
        for _ in range(N_TOKENS):
            row = lib.llama_get_logits_ith(handle, -1)
            token, probabilities = most_likely(list(row[: model.n_vocab]))
            told += probabilities
            if model.is_end(token):
                break
            assert context.decode([Chunk("a", 0, position, (token,), 1)]) == "ok"
            position += 1
        return told


def far(one: list[float], other: list[float]) -> float:
    assert len(one) == len(other) > 0
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def expected(model: Model, vision: Vision) -> dict[Parts, list[float]]:
    return {parts: reference(model, vision, parts) for parts in PROMPTS}


def test_an_image_has_lines_and_columns(vision: Vision) -> None:
    for image, grid in GRIDS.items():
        (span,) = looked_at(vision, [image]).media
        assert (span.count, span.columns, span.n_positions) == grid


@pytest.mark.parametrize("parts", PROMPTS)
def test_a_prompt_alone_is_read_as_llama_cpp_reads_it(
    running: Session, vision: Vision, expected: dict[Parts, list[float]], parts: Parts
) -> None:
    assert far(said(ask(running, looked_at(vision, parts))), expected[parts]) < 0.01


def test_they_are_told_apart(expected: dict[Parts, list[float]]) -> None:
    answers = [*expected.values()]
    assert all(
        far(one[:3], other[:3]) > 0.01 for one in answers for other in answers if one != other
    )


def test_all_at_once_and_again_are_read_as_alone(
    running: Session, vision: Vision, expected: dict[Parts, list[float]]
) -> None:
    """The second time each finds a beginning in the cache, up to and behind the images."""
    for again in range(2):
        listeners = [
            ask(running, looked_at(vision, parts), f"{again}-{number}")
            for number, parts in enumerate(PROMPTS)
        ]
        for parts, listener in zip(PROMPTS, listeners, strict=True):
            assert far(said(listener), expected[parts]) < 0.01


def test_a_second_turn_reads_only_what_is_new(
    model: Model, running: Session, vision: Vision
) -> None:
    first = looked_at(vision, PROMPTS[1])
    answered = ask(running, first)
    answered.finished()
    parts: Parts = (*PROMPTS[1], answered.text, " and ", SMALL, "?")
    second = looked_at(vision, parts)
    listener = ask(running, second, n=N_TOKENS)
    assert far(said(listener), reference(model, vision, parts)) < 0.01
    assert listener.finished().cached_tokens >= len(first.tokens)


def test_rows_that_are_read_in_parts_give_what_they_give_at_once(
    model: Model, vision: Vision
) -> None:
    (span,) = looked_at(vision, [HIGH]).media

    def logits(counts: tuple[int, ...]) -> list[float]:
        with open_context(model, n_ctx=256, n_batch=64) as context:
            at = 0
            for count in counts:
                rows = span.tokens[at : at + count]
                assert context.decode([Chunk("a", 0, at, rows, 0, span, folded=at)]) == "ok"
                at += count
            tail = Chunk("a", 0, at, (5, 6), 1, folded=span.count - span.n_positions)
            assert context.decode([tail]) == "ok"
            return list(library().llama_get_logits_ith(context.handle, 1)[: model.n_vocab])

    assert far(logits((44,)), logits((3, 30, 11))) < 0.01


class Leaving(Listener):
    """Leaves when a part of an image is read."""

    def __init__(self, session: Session, tokens: tuple[int, ...]) -> None:
        super().__init__()
        self._session, self._tokens = session, tokens

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, PromptProgress) and event.done < event.total:
            before, after = self._tokens[event.done - 1 : event.done + 1]
            if before < 0 and after == before - 1:
                self._session.abort("leaving")


def test_one_who_leaves_amid_an_image_spoils_it_for_nobody(
    model: Model, vision: Vision, expected: dict[Parts, list[float]]
) -> None:
    read = looked_at(vision, PROMPTS[1])
    with session(model, n_ctx=N_CTX, n_batch=16) as running:
        leaving = Leaving(running, read.tokens)
        running.submit(Request("leaving", read.tokens, GREEDY, 1, media=read.media), leaving)
        listeners = [
            ask(running, looked_at(vision, parts), str(n)) for n, parts in enumerate(PROMPTS)
        ]
        for parts, listener in zip(PROMPTS, listeners, strict=True):
            assert far(said(listener), expected[parts]) < 0.01
        assert leaving.finished().reason == "aborted"


def test_a_saved_state_goes_on_behind_the_image(
    model: Model, vision: Vision, expected: dict[Parts, list[float]]
) -> None:
    states = StateStore(ram_bytes=1 << 24, folder=None, disk_bytes=0, fingerprint=b"")
    with session(model, n_ctx=256, n_seq_max=1, n_batch=N_BATCH, states=states) as running:
        for _ in range(2):
            for parts in PROMPTS[:2]:
                listener = ask(running, looked_at(vision, parts))
                assert far(said(listener), expected[parts]) < 0.01
        assert running.stats().restored_tokens > 0
