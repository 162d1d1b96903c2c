"""What a GGUF's model is for, by its header."""

from __future__ import annotations

import io

import pytest

from gguf_bytes import Tensor, Typed, gguf_bytes
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.model_kind import Kind, model_kind, reads_whole_inputs, score_outputs


def header(
    architecture: str, *names: str, pooling: int | None = None, causal: bool | None = None
) -> GgufHeader:
    keys: dict[str, str | Typed] = {"general.architecture": architecture}
    if pooling is not None:
        keys[f"{architecture}.pooling_type"] = Typed(4, pooling)
    if causal is not None:
        keys[f"{architecture}.attention.causal"] = Typed(7, causal)
    tensors = [Tensor(name, offset=512 * i) for i, name in enumerate(names or ("a.weight",))]
    data = gguf_bytes(keys, tensors, data_bytes=512 * len(tensors))
    return read_header(io.BytesIO(data), 0, len(data), "a.gguf")


@pytest.mark.parametrize(
    ("architecture", "pooling", "kind"),
    [
        ("llama", None, "chat"),
        ("llama", 0, "chat"),
        ("qwen3", 3, "embedding"),
        ("qwen3", 4, "reranker"),
        ("bert", None, "embedding"),
        ("bert", 0, "embedding"),
        ("bert", 2, "embedding"),
        ("bert", 4, "reranker"),
        ("nomic-bert", 1, "embedding"),
        ("gemma-embedding", None, "embedding"),
    ],
)
def test_the_kind(architecture: str, pooling: int | None, kind: Kind) -> None:
    assert model_kind(header(architecture, pooling=pooling)) == kind


@pytest.mark.parametrize(
    ("architecture", "causal", "expected"),
    [
        ("llama", None, False),
        ("llama", True, False),
        ("llama", False, True),
        ("gemma-embedding", None, True),
    ],
)
def test_whole_inputs(architecture: str, causal: bool | None, expected: bool) -> None:
    assert reads_whole_inputs(header(architecture, causal=causal)) is expected


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (("token_embd.weight",), 0),
        (("cls.weight",), 1),
        (("cls.output.weight",), 1),
        (("cls.weight", "cls.output.weight"), 2),
    ],
)
def test_the_head_that_scores(names: tuple[str, ...], count: int) -> None:
    assert score_outputs(header("bert", *names)) == count
