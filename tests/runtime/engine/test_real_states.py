"""A state that has been on disk continues as if it had never left the cache."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.step import Chunk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROMPT = "You are Ann, the caretaker of this house, and know all of its corners. " * 8
TAIL = "What is behind the green door?"


def open_context(model: Model, kv_type: str) -> Context:
    return Context(
        model,
        n_ctx=512,
        n_seq_max=2,
        n_batch=256,
        n_ubatch=256,
        n_threads=1,
        n_threads_batch=1,
        type_k=kv_type,
        type_v=kv_type,
    )


def open_store(folder: Path, kv_type: str) -> StateStore:
    return StateStore(ram_bytes=0, folder=folder, disk_bytes=1 << 30, fingerprint=kv_type.encode())


def tokens_of(model: Model, text: str) -> tuple[int, ...]:
    return model.tokenize(text, add_special=False, parse_special=True)


def logits_after(context: Context, slot: int, start: int, tokens: tuple[int, ...]) -> list[float]:
    """Of the last token, all of them."""
    assert context.decode([Chunk("a", slot, start, tokens, n_logits=1)]) == "ok"
    row = len(tokens) - 1
    context.check_row(row)
    logits = library().llama_get_logits_ith(context.handle, row)
    return list(ctypes.cast(logits, ctypes.POINTER(ctypes.c_float))[: context.model.n_vocab])


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_restored_state_gives_the_same_logits(
    tmp_path: Path, smol_model: Model, kv_type: str
) -> None:
    prompt, tail = tokens_of(smol_model, PROMPT), tokens_of(smol_model, TAIL)
    with open_context(smol_model, kv_type) as context:
        context.decode([Chunk("a", 0, 0, prompt, n_logits=1)])
        data = context.save(0)
        expected = logits_after(context, 0, len(prompt), tail)
    store = open_store(tmp_path / "states", kv_type)
    store.put(prompt, data, keep=True)
    store.close()

    store = open_store(tmp_path / "states", kv_type)
    [saved] = store.saved()
    assert saved.tokens == prompt
    restored = store.get(saved.key)
    assert restored is not None
    with open_context(smol_model, kv_type) as context:
        assert context.restore(1, restored)
        found = logits_after(context, 1, len(prompt), tail)
    store.close()
    assert max(abs(a - b) for a, b in zip(expected, found, strict=True)) < 1e-3


def test_llama_cpp_refuses_the_state_of_another_cache_type(smol_model: Model) -> None:
    """Should a fingerprint ever forget something, this is what is behind it."""
    prompt = tokens_of(smol_model, PROMPT)
    with open_context(smol_model, "f16") as context:
        context.decode([Chunk("a", 0, 0, prompt, n_logits=1)])
        data = context.save(0)
    with open_context(smol_model, "q8_0") as context:
        assert not context.restore(0, data)
        assert len(logits_after(context, 0, 0, prompt[:4])) == smol_model.n_vocab
