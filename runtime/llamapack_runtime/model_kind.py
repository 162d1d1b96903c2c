"""What a GGUF's model is for, by its header alone: chatting, embeddings, or reranking."""

from __future__ import annotations

from typing import Literal

from llamapack_runtime.gguf_header import GgufHeader

Kind = Literal["chat", "embedding", "reranker"]

# Models that read a whole input at once and cannot continue it, as llama.cpp names them.
ENCODERS = frozenset(
    {
        "bert",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
        "t5encoder",
    }
)
_RANK = 4  # LLAMA_POOLING_TYPE_RANK
_SCORE_HEADS = ("cls.weight", "cls.output.weight")


def model_kind(header: GgufHeader) -> Kind:
    """A decoder that names a way to pool its tokens' vectors was trained for embeddings."""
    pooling = header.integer(f"{header.architecture}.pooling_type", 0)
    if pooling == _RANK:
        return "reranker"
    return "embedding" if pooling > 0 or header.architecture in ENCODERS else "chat"


def reads_whole_inputs(header: GgufHeader) -> bool:
    """Each token sees those that follow, so that an input cannot be read in parts."""
    is_causal = header.metadata.get(f"{header.architecture}.attention.causal", True)
    return header.architecture in ENCODERS or not is_causal


def score_outputs(header: GgufHeader) -> int:
    """How many of its two parts the head has that scores documents; 0: there is none."""
    names = {tensor.name for tensor in header.tensors}
    return sum(name in names for name in _SCORE_HEADS)
