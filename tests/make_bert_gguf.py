"""Writes small BERTs of random weights, and the vocabulary of any BERT, as llama.cpp wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

CONTROL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Letters, and the same as parts of a word: any lower-case word can be written.
TINY_WORDS = (
    *CONTROL,
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
)
_N_EMBD, _N_FF, _N_HEADS = 64, 128, 2


def write_bert_vocabulary(writer: gguf.GGUFWriter, vocabulary: Sequence[str]) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_vocab_size(len(vocabulary))
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list([_as_in_gguf(word) for word in vocabulary])
    writer.add_token_types([control if word in CONTROL else normal for word in vocabulary])
    number = list(vocabulary).index
    writer.add_pad_token_id(number("[PAD]"))
    writer.add_unk_token_id(number("[UNK]"))
    writer.add_sep_token_id(number("[SEP]"))
    writer.add_mask_token_id(number("[MASK]"))
    writer.add_bos_token_id(number("[CLS]"))
    writer.add_eos_token_id(number("[SEP]"))


def make_bert(
    path: Path,
    *,
    pooling: gguf.PoolingType | None = gguf.PoolingType.MEAN,
    has_score_head: bool = False,
    n_ctx: int = 64,
    seed: int = 1,
) -> Path:
    """One layer. `has_score_head`: it can rerank with the pooling RANK."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("Tiny BERT")
    writer.add_context_length(n_ctx)
    writer.add_embedding_length(_N_EMBD)
    writer.add_feed_forward_length(_N_FF)
    writer.add_block_count(1)
    writer.add_head_count(_N_HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    write_bert_vocabulary(writer, TINY_WORDS)
    random = np.random.default_rng(seed)
    for name, shape in _shapes(n_ctx, has_score_head).items():
        is_norm = name.endswith("norm.weight")
        values = np.ones(shape) if is_norm else random.standard_normal(shape) * 0.2
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(n_ctx: int, has_score_head: bool) -> dict[str, tuple[int, ...]]:
    wide = {"attn_q": _N_EMBD, "attn_k": _N_EMBD, "attn_v": _N_EMBD, "attn_output": _N_EMBD}
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(TINY_WORDS), _N_EMBD),
        "position_embd.weight": (n_ctx, _N_EMBD),
        "token_types.weight": (2, _N_EMBD),
    }
    for name in ("token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"):
        shapes |= {f"{name}.weight": (_N_EMBD,), f"{name}.bias": (_N_EMBD,)}
    for name, rows in (wide | {"ffn_up": _N_FF, "ffn_down": _N_EMBD}).items():
        columns = _N_FF if name == "ffn_down" else _N_EMBD
        shapes |= {f"blk.0.{name}.weight": (rows, columns), f"blk.0.{name}.bias": (rows,)}
    if has_score_head:
        shapes |= {"cls.weight": (_N_EMBD, _N_EMBD), "cls.bias": (_N_EMBD,)}
        shapes |= {"cls.output.weight": (1, _N_EMBD), "cls.output.bias": (1,)}
    return shapes


def _as_in_gguf(word: str) -> str:
    """llama.cpp marks what begins a word, where BERT marks what continues one."""
    if word in CONTROL:
        return word
    return word[2:] if word.startswith("##") else "\u2581" + word
