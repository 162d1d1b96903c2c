"""Writes small and huge GGUFs of random weights that llama.cpp loads and runs.

    python tests/make_gguf.py tiny.gguf
    python tests/make_gguf.py big.gguf --size 4.5G

The vocabulary is SentencePiece's byte fallback: one token for each byte, so any text can be read
and written, and what the weights say is noise. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEAD_SIZE = 32
# Pairs of a head's numbers that are turned by time, line and column, as Qwen2-VL shares them out.
M_ROPE = (4, 6, 6, 0)
CHUNK_BLOCKS = 1 << 19  # Q8_0 blocks made at a time: 17 MB
Q8_0_BLOCK = np.dtype([("scale", "<f2"), ("values", "i1", 32)])
TYPES = {"F32": gguf.GGMLQuantizationType.F32, "Q8_0": gguf.GGMLQuantizationType.Q8_0}
FILE_TYPES = {"F32": gguf.LlamaFileType.ALL_F32, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}


def make_gguf(
    path: Path,
    *,
    architecture: str = "llama",
    name: str = "Tiny random",
    n_layers: int = 1,
    n_embd: int = 64,
    n_ff: int = 128,
    n_ctx: int = 512,
    chat_template: str | None = CHATML,
    quantization: str = "F32",
    license_name: str | None = None,
    extra: Mapping[str, int | str] | None = None,
    seed: int = 1,
) -> Path:
    """Write a llama-shaped model and return `path`. Memory stays flat whatever the size.

    `n_embd` and `n_ff` are multiples of 32. `extra` adds metadata keys, whole numbers as u32.
    """
    writer = gguf.GGUFWriter(path, architecture)
    _add_facts(writer, architecture, name, n_layers, n_embd, n_ff, n_ctx)
    writer.add_file_type(FILE_TYPES[quantization])
    if license_name is not None:
        writer.add_license(license_name)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    for key, value in (extra or {}).items():
        if isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_uint32(key, value)
    _add_vocabulary(writer)
    _write(writer, path, n_layers, n_embd, n_ff, quantization, seed)
    return path


def make_gguf_of_size(path: Path, size_bytes: int, *, seed: int = 1) -> Path:
    """A model of Q8_0 weights with at least `size_bytes`, at most one layer (215 MB) more."""
    n_embd, n_ff = 4096, 11008
    layer_bytes = (4 * n_embd * n_embd + 3 * n_embd * n_ff) * 34 // 32
    n_layers = max(1, -(-size_bytes // layer_bytes))
    return make_gguf(
        path, n_layers=n_layers, n_embd=n_embd, n_ff=n_ff, quantization="Q8_0", seed=seed
    )


def tokens() -> list[str]:
    """The vocabulary in the order of its token numbers; byte b is token 3 + b."""
    first = ["<unk>", "<s>", "</s>"]
    return [*first, *(f"<0x{byte:02X}>" for byte in range(256)), "<|im_start|>", "<|im_end|>"]


def _add_facts(
    writer: gguf.GGUFWriter,
    architecture: str,
    name: str,
    n_layers: int,
    n_embd: int,
    n_ff: int,
    n_ctx: int,
) -> None:
    heads = n_embd // HEAD_SIZE
    writer.add_name(name)
    writer.add_context_length(n_ctx)
    writer.add_embedding_length(n_embd)
    writer.add_block_count(n_layers)
    writer.add_feed_forward_length(n_ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(HEAD_SIZE)
    if architecture == "qwen2vl":
        writer.add_rope_dimension_sections(M_ROPE)
    writer.add_layer_norm_rms_eps(1e-5)


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    control, byte, unknown = gguf.TokenType.CONTROL, gguf.TokenType.BYTE, gguf.TokenType.UNKNOWN
    words = tokens()
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words)
    writer.add_token_scores([0.0] * len(words))
    writer.add_token_types([unknown, control, control, *[byte] * 256, control, control])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(words.index("<|im_end|>"))
    writer.add_add_space_prefix(False)


def _shapes(n_layers: int, n_embd: int, n_ff: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor with its rows and columns, as numpy counts them."""
    yield "token_embd.weight", (len(tokens()), n_embd)
    for layer in range(n_layers):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", (n_embd,)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", (n_embd, n_embd)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{name}.weight", (n_ff, n_embd)
        yield f"blk.{layer}.ffn_down.weight", (n_embd, n_ff)
    yield "output_norm.weight", (n_embd,)


def _write(
    writer: gguf.GGUFWriter,
    path: Path,
    n_layers: int,
    n_embd: int,
    n_ff: int,
    quantization: str,
    seed: int,
) -> None:
    shapes = list(_shapes(n_layers, n_embd, n_ff))
    for name, shape in shapes:
        kind = _type_of(shape, quantization)
        size = int(np.prod(shape)) * 4 if kind == "F32" else int(np.prod(shape)) // 32 * 34
        writer.add_tensor_info(name, shape, np.dtype(np.float32), size, TYPES["F32"])
        writer.tensors[-1][name].dtype = TYPES[kind]
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    random = np.random.default_rng(seed)
    with path.open("ab") as file:
        for _, shape in shapes:
            file.write(bytes(-file.tell() % gguf.GGUF_DEFAULT_ALIGNMENT))
            for part in _weights(random, shape, _type_of(shape, quantization)):
                file.write(part)
        file.write(bytes(-file.tell() % gguf.GGUF_DEFAULT_ALIGNMENT))


def _type_of(shape: tuple[int, ...], quantization: str) -> str:
    return "F32" if len(shape) == 1 else quantization


def _weights(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> Iterator[bytes]:
    """The bytes of one tensor. Norms are 1; matrices are uniform around 0."""
    if len(shape) == 1:
        yield np.ones(shape, dtype="<f4").tobytes()
    elif kind == "F32":
        yield (random.standard_normal(shape, dtype=np.float32) * 0.1).astype("<f4").tobytes()
    else:
        left = int(np.prod(shape)) // 32
        while left:
            blocks = np.empty(min(left, CHUNK_BLOCKS), dtype=Q8_0_BLOCK)
            blocks["scale"] = 4e-4
            drawn = np.frombuffer(random.bytes(len(blocks) * 32), dtype="i1")
            blocks["values"] = drawn.reshape(-1, 32)
            yield blocks.tobytes()
            left -= len(blocks)


def _size(text: str) -> int:
    units = {"K": 10**3, "M": 10**6, "G": 10**9}
    return int(float(text[:-1]) * units[text[-1].upper()] if text[-1].isalpha() else float(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path", type=Path)
    parser.add_argument("--size", type=_size, help="such as 4.5G; without it a model of 0.4 MB")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.size is None:
        make_gguf(arguments.path, seed=arguments.seed)
    else:
        make_gguf_of_size(arguments.path, arguments.size, seed=arguments.seed)


if __name__ == "__main__":
    main()
