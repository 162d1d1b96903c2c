"""Embeddings by llama.cpp: a real embedding model, and tiny ones of every kind."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import gguf
import pytest

from embedding_model import embedding_model
from llamapack_runtime.engine.embed_batches import Batches
from llamapack_runtime.engine.embed_context import PooledContext
from llamapack_runtime.engine.embed_model import own_pooling, rerank_form, vector_length
from llamapack_runtime.engine.embed_types import EmbedRequest, Pooling, Rows
from llamapack_runtime.engine.errors import ModelError
from llamapack_runtime.engine.model import Model
from make_bert_gguf import TINY_WORDS, make_bert
from make_gguf import make_gguf

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# What llama-server gives for these texts with the same GGUF.
REFERENCE: dict[str, list[float]] = json.loads(
    Path(__file__).with_name("minilm_vectors.json").read_text(encoding="utf-8")
)


@contextmanager
def opened(path: Path) -> Iterator[Model]:
    with Model.open(path, 0, path.stat().st_size) as model:
        yield model


def embed(
    model: Model,
    pooling: Pooling,
    inputs: Sequence[Sequence[int]],
    *,
    n_ctx: int = 512,
    n_batch: int = 512,
    n_sequences: int = 4,
) -> list[Rows]:
    with PooledContext(
        model, pooling, n_ctx=n_ctx, n_batch=n_batch, n_sequences=n_sequences
    ) as context:
        context.set_threads(1)
        batches = Batches(pooling, n_sequences=n_sequences, can_split=context.can_split)
        batches.add(EmbedRequest("a", tuple(map(tuple, inputs))))
        while True:
            pieces = batches.next(context.n_batch)
            if pieces[0].start == 0:
                context.forget()
            rows = context.compute(pieces)
            assert rows is not None
            for _, found in batches.complete(pieces, rows):
                return found


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    products = (a * b for a, b in zip(one, other, strict=True))
    return math.fsum(products) / (math.hypot(*one) * math.hypot(*other))


def tokens_of(model: Model, texts: Sequence[str]) -> list[tuple[int, ...]]:
    return [model.tokenize(text, add_special=True, parse_special=True) for text in texts]


@pytest.fixture(scope="module")
def minilm(library_folder: Path) -> Iterator[Model]:
    assert library_folder.is_dir()
    with opened(embedding_model()) as model:
        yield model


@pytest.fixture(scope="module")
def tiny_decoder(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    assert library_folder.is_dir()
    path = tmp_path_factory.mktemp("decoder") / "decoder.gguf"
    with opened(make_gguf(path, extra={"llama.pooling_type": 3})) as model:
        yield model


@pytest.fixture(scope="module")
def tiny_reranker(
    library_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Model]:
    assert library_folder.is_dir()
    path = tmp_path_factory.mktemp("bert") / "bert.gguf"
    with opened(make_bert(path, pooling=gguf.PoolingType.RANK, has_score_head=True)) as model:
        yield model


def test_a_real_model_gives_the_vectors_of_llama_server(minilm: Model) -> None:
    assert own_pooling(minilm) == "mean"
    assert vector_length(minilm) == 384
    found = embed(minilm, "mean", tokens_of(minilm, list(REFERENCE)))
    for (text, expected), (vector,) in zip(REFERENCE.items(), found, strict=True):
        assert cosine(vector, expected) > 0.999, text


def test_vectors_of_a_batch_are_those_alone(minilm: Model) -> None:
    inputs = tokens_of(minilm, [*REFERENCE, "word " * 100])
    together = embed(minilm, "mean", inputs)
    for tokens, (vector,) in zip(inputs, together, strict=True):
        ((alone,),) = embed(minilm, "mean", [tokens])
        assert cosine(vector, alone) > 0.9999


def test_the_longest_input_fits(minilm: Model) -> None:
    (tokens,) = tokens_of(minilm, ["word " * 510])
    assert len(tokens) == minilm.n_ctx_train == 512
    assert len(embed(minilm, "mean", [tokens])) == 1


@pytest.mark.parametrize("n_batch", [50, 100, 511])
def test_odd_batch_sizes_do_not_end_the_process(tiny_decoder: Model, n_batch: int) -> None:
    found = embed(tiny_decoder, "mean", [range(3, 200)] * 5, n_batch=n_batch, n_sequences=32)
    assert len(found) == 5


@pytest.mark.parametrize("pooling", ["none", "mean", "cls", "last"])
def test_a_decoder_reads_long_inputs_in_parts(tiny_decoder: Model, pooling: Pooling) -> None:
    inputs = [list(range(3, 203)), list(range(40, 50)), list(range(100, 230))]
    whole = embed(tiny_decoder, pooling, inputs, n_sequences=1)
    parts = embed(tiny_decoder, pooling, inputs, n_batch=64)
    for one, other in zip(whole, parts, strict=True):
        assert len(one) == len(other)
        assert all(cosine(a, b) > 0.9999 for a, b in zip(one, other, strict=True))


def test_mean_is_the_mean_of_the_tokens_vectors(tiny_decoder: Model) -> None:
    inputs = [list(range(3, 40))]
    ((mean,),) = embed(tiny_decoder, "mean", inputs)
    (rows,) = embed(tiny_decoder, "none", inputs)
    expected = array("f", [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)])
    assert cosine(mean, expected) > 0.9999
    assert math.hypot(*mean) == pytest.approx(math.hypot(*expected), rel=0.01)


def test_a_reranker_scores_a_batch_as_alone(tiny_reranker: Model) -> None:
    form = rerank_form(tiny_reranker)
    number = TINY_WORDS.index
    assert form.opening == (number("[CLS]"),)
    assert form.middle == (number("[SEP]"),)
    pairs = [
        (*form.opening, 7, 8, *form.middle, *document, *form.closing)
        for document in ((9, 10, 11), (12,), (20, 30))
    ]
    together = [rows[0][0] for rows in embed(tiny_reranker, "rank", pairs)]
    alone = [embed(tiny_reranker, "rank", [pair])[0][0][0] for pair in pairs]
    assert together == pytest.approx(alone, abs=0.01)
    assert len({round(score, 3) for score in together}) == 3


def test_an_unknown_pooling_is_refused(library_folder: Path, tmp_path: Path) -> None:
    """llama.cpp would end the process for it."""
    assert library_folder.is_dir()
    path = make_gguf(tmp_path / "bad.gguf", extra={"llama.pooling_type": 77})
    with opened(path) as model, pytest.raises(ModelError, match="77"):
        own_pooling(model)


def test_an_interrupt_ends_a_step(minilm: Model) -> None:
    with PooledContext(minilm, "mean", n_ctx=512, n_batch=512, n_sequences=1) as context:
        batches = Batches("mean", n_sequences=1, can_split=False)
        batches.add(EmbedRequest("a", ((101,) * 500,)))
        context.interrupt()
        assert context.compute(batches.next(512)) is None
