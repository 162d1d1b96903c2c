"""How much an embedder reads at once."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from gguf_bytes import Typed, gguf_bytes
from llamapack_runtime.gguf_header import GgufHeader, read_header
from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.launch.embed_plan import plan_beside_chat, plan_embedding
from llamapack_runtime.settings import Settings

GIB = 1 << 30
WORDS = 150_000


def memory(gib: float) -> MemoryLimits:
    return MemoryLimits(64 * GIB, int(gib * GIB), "machine")


def header(architecture: str, n_ctx: int) -> GgufHeader:
    numbers = {
        "context_length": n_ctx,
        "embedding_length": 1024,
        "block_count": 24,
        "feed_forward_length": 4096,
        "attention.head_count": 16,
        "vocab_size": WORDS,
    }
    keys = {f"{architecture}.{name}": Typed(4, value) for name, value in numbers.items()}
    data = gguf_bytes({"general.architecture": architecture, **keys})
    return read_header(io.BytesIO(data), 0, len(data), "a.gguf")


def test_an_encoder_reads_its_longest_input_at_once() -> None:
    plan = plan_embedding(header("bert", 512), GIB, Settings(), memory(8))
    assert (plan.n_ctx, plan.n_batch, plan.n_ubatch) == (512, 512, 512)
    assert plan.flash_attn == "auto"


def test_long_encoders_are_bounded_unless_asked() -> None:
    long = header("modern-bert", 32768)
    assert plan_embedding(long, GIB, Settings(), memory(60)).n_ubatch == 8192
    assert plan_embedding(long, GIB, Settings(ctx_size=0), memory(60)).n_ubatch == 32768
    assert plan_embedding(long, GIB, Settings(ctx_size=1024), memory(60)).n_ubatch == 1024
    short = header("bert", 512)
    assert plan_embedding(short, GIB, Settings(ctx_size=4096), memory(60)).n_ctx == 512


def test_a_decoder_reads_as_many_as_its_logits_allow() -> None:
    plan = plan_embedding(header("qwen3", 32768), GIB, Settings(), memory(60))
    assert plan.n_ctx == 8192
    assert plan.n_ubatch * WORDS * 4 <= 64 << 20


def test_a_tight_computer_gets_a_shorter_length_with_a_note() -> None:
    plan = plan_embedding(header("modern-bert", 8192), GIB, Settings(), memory(1.5))
    assert plan.n_ubatch == plan.n_ctx < 8192
    assert "shortened" in plan.notes[0]
    with pytest.raises(HardwareError):
        plan_embedding(header("modern-bert", 8192), GIB, Settings(ctx_size=8192), memory(1.5))


def test_beside_a_chat_the_weights_are_there_already() -> None:
    settings = replace(Settings(), flash_attn="off")
    plan = plan_beside_chat(header("llama", 8192), settings, 2048, memory(2))
    assert plan.n_ctx == 2048
    assert plan.flash_attn == "off"
    with pytest.raises(HardwareError):
        plan_beside_chat(header("llama", 8192), settings, 2048, memory(0.1))
