"""Images through a tiny projector of random weights and a tiny model: what the engine makes of them
is what they are, whoever else is answered and whatever was read before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Chat, Image, Message
from llamapack_runtime.engine.errors import ImageError, ModelError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.seen import SeenImages
from llamapack_runtime.engine.step import Chunk
from llamapack_runtime.engine.types import Request
from llamapack_runtime.engine.vision import Vision
from llamapack_runtime.files.picture import decode
from make_gguf import make_gguf
from make_mmproj import N_TOKENS, Kind, make_mmproj, png
from runtime.chat.seeing import looked_at, prepared
from runtime.engine.listener import Listener
from runtime.engine.real_session import GREEDY, open_context, session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ONE, OTHER = Image.of(png(80, 60, 1), "one"), Image.of(png(50, 90, 2), "other")
KINDS: tuple[Kind, ...] = ("mlp", "gemma3")
N_BATCH = 64


@pytest.fixture(scope="module")
def model(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    assert library_folder.is_dir()
    path = make_gguf(tmp_path_factory.mktemp("model") / "m.gguf", n_layers=2, n_ctx=1024)
    with Model.open(path, 0, path.stat().st_size) as opened:
        yield opened


def open_vision(
    model: Model, folder: Path, libraries: Path, kind: Kind = "mlp", most_at_once: int = N_BATCH
) -> Vision:
    path = make_mmproj(folder / f"{kind}.gguf", kind=kind)
    program = (sys.executable, "-m", "llamapack_runtime")
    reads = partial(decode, program=program, libraries=libraries)
    return Vision.open(model, path, reads, n_threads=1, most_at_once=most_at_once)


@pytest.fixture(params=KINDS)
def vision(
    request: pytest.FixtureRequest, model: Model, tmp_path: Path, library_folder: Path
) -> Iterator[Vision]:
    with open_vision(model, tmp_path, library_folder, request.param) as opened:
        yield opened


@pytest.fixture
def seeing(model: Model, vision: Vision) -> Iterator[Session]:
    with session(model, n_ctx=768, n_batch=N_BATCH) as opened:
        yield Session(opened._engine, model, opened.template, n_ctx=768, vision=vision)


def asked(image: Image, question: str = "What is it?") -> Message:
    return Message("user", f"Look: {image.mark} {question}", images=(image,))


def ask(session: Session, prompt: Prompt, name: str = "a", n: int = 6) -> Listener:
    listener = Listener()
    request = Request(name, prompt.tokens, GREEDY, n, n_probs=3, media=prompt.media)
    session.submit(request, listener)
    return listener


def said(listener: Listener) -> list[float]:
    """The log probabilities of an answer: more telling than the words of random weights."""
    listener.finished()
    return [one.logprob for token in listener.tokens for one in token.top]


def far(one: list[float], other: list[float]) -> float:
    assert len(one) == len(other) > 0
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_an_image_is_as_many_tokens_as_the_projector_makes(vision: Vision) -> None:
    read = looked_at(vision, ["<|im_start|>a", ONE.data, "b", OTHER.data, ONE.data, "c"])
    kind: Kind = "gemma3" if read.media[0].is_whole else "mlp"
    assert [span.count for span in read.media] == [N_TOKENS[kind]] * 2
    first, second = read.media
    assert first.rows != second.rows
    assert sum(token < 0 for token in read.tokens) == 3 * N_TOKENS[kind]
    assert set(first.tokens).isdisjoint(second.tokens)
    again = looked_at(vision, ["x", ONE.data, "y"])
    assert again.media == (first,)


def test_the_tokens_of_an_image_are_counted_without_looking_at_it(vision: Vision) -> None:
    for n, (width, height) in enumerate([(80, 60), (900, 20), (1536, 1024)]):
        count = vision.count(width, height)
        assert count == len(looked_at(vision, [png(width, height, n)]).tokens)


def test_the_same_image_gives_the_same_answer_and_another_one_another(seeing: Session) -> None:
    one, other = (prepared(seeing, Chat((asked(image),))) for image in (ONE, OTHER))
    first = said(ask(seeing, one))
    assert far(first, said(ask(seeing, other))) > 0.01
    assert far(first, said(ask(seeing, one))) < 0.01


def test_a_second_turn_reads_only_what_is_new(seeing: Session) -> None:
    prompt = prepared(seeing, Chat((asked(ONE),)))
    answered = ask(seeing, prompt)
    answered.finished()
    turns = (asked(ONE), Message("assistant", answered.text), Message("user", "And now?"))
    second = prepared(seeing, Chat(turns))
    listener = ask(seeing, second)
    assert listener.finished().cached_tokens >= len(prompt.tokens)
    assert listener.finished().prompt_tokens == len(second.tokens)


def test_what_the_cache_gives_is_what_reading_afresh_gives(seeing: Session) -> None:
    turns = (asked(ONE), Message("assistant", "A cat."), asked(OTHER, "And this?"))
    prompt = prepared(seeing, Chat(turns))
    afresh = said(ask(seeing, prompt))
    for image in (OTHER, ONE):
        ask(seeing, prepared(seeing, Chat((asked(image),)))).finished()
    assert far(afresh, said(ask(seeing, prompt))) < 0.01


def test_different_images_at_once_are_answered_as_alone(model: Model, vision: Vision) -> None:
    images = [Image.of(png(40 + 10 * n, 40, n), "x") for n in range(4)]
    alone = []
    for image in images:
        with session(model, n_ctx=768, n_batch=N_BATCH) as opened:
            one = Session(opened._engine, model, opened.template, n_ctx=768, vision=vision)
            alone.append(said(ask(one, prepared(one, Chat((asked(image),))))))
    with session(model, n_ctx=768, n_batch=N_BATCH) as opened:
        together = Session(opened._engine, model, opened.template, n_ctx=768, vision=vision)
        prompts = [prepared(together, Chat((asked(image),))) for image in images]
        listeners = [ask(together, prompt, str(n)) for n, prompt in enumerate(prompts)]
        for before, listener in zip(alone, listeners, strict=True):
            assert far(before, said(listener)) < 0.01


def test_rows_that_are_read_in_parts_give_what_they_give_at_once(
    model: Model, tmp_path: Path, library_folder: Path
) -> None:
    def logits(parts: tuple[int, ...]) -> list[float]:
        with open_context(model, n_ctx=256, n_batch=64) as context:
            at = 0
            for count in parts:
                tokens = span.tokens[at : at + count]
                assert context.decode([Chunk("a", 0, at, tokens, 0, span)]) == "ok"
                at += count
            assert context.decode([Chunk("a", 0, at, (5, 6), 1)]) == "ok"
            return list(library().llama_get_logits_ith(context.handle, 1)[: model.n_vocab])

    with open_vision(model, tmp_path, library_folder) as vision:
        (span,) = looked_at(vision, [ONE.data]).media
        assert far(logits((16,)), logits((3, 8, 5))) < 0.01


def test_an_image_that_cannot_be_decoded_is_named(seeing: Session) -> None:
    with pytest.raises(ChatError, match="'there': The image is damaged") as raised:
        prepared(seeing, Chat((asked(Image.of(ONE.data[:99], "there")),)))
    assert (raised.value.status, raised.value.place) == (400, "there")


def test_what_must_be_whole_must_fit(model: Model, tmp_path: Path, library_folder: Path) -> None:
    with (
        open_vision(model, tmp_path, library_folder, "gemma3", most_at_once=3) as vision,
        pytest.raises(ImageError, match=r"4 tokens .* at most 3 are"),
    ):
        vision.look(ONE.data)


def test_a_projector_of_another_model_is_refused(
    model: Model, tmp_path: Path, library_folder: Path
) -> None:
    path = make_mmproj(tmp_path / "p.gguf", n_embd=96)
    reads = partial(decode, program=(), libraries=library_folder)
    with pytest.raises(ModelError, match=r"The projector p\.gguf cannot be used"):
        Vision.open(model, path, reads, n_threads=1, most_at_once=64)
    assert model.borrowers == 0


def test_an_image_is_forgotten_when_nobody_holds_it(
    model: Model, tmp_path: Path, library_folder: Path
) -> None:
    parts: list[str | bytes] = ["a", ONE.data, "b"]
    with open_vision(model, tmp_path, library_folder) as vision:
        vision._seen = SeenImages(most_bytes=1)
        held = vision.look(ONE.data)
        vision.look(OTHER.data)
        read = vision.read(parts)
        assert read is not None
        assert read.media == held.spans
        vision.look(OTHER.data)
        del held, read
        assert vision.read(parts) is None
