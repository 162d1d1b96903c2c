"""The models that tests make: what the library reads in them, and that they come out the same."""

from __future__ import annotations

from pathlib import Path

import gguf

from make_gguf import make_gguf, make_gguf_of_size, tokens


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = make_gguf(tmp_path / "1"), make_gguf(tmp_path / "2")
    assert first.read_bytes() == second.read_bytes()
    assert make_gguf(tmp_path / "3", seed=2).read_bytes() != first.read_bytes()


def test_the_library_reads_what_was_written(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "m", extra={"split.count": 4, "general.type": "model"})
    reader = gguf.GGUFReader(path)
    assert reader.fields["split.count"].contents() == 4
    assert reader.fields["tokenizer.ggml.tokens"].contents() == tokens()
    assert {tensor.name for tensor in reader.tensors} >= {"token_embd.weight", "output_norm.weight"}


def test_a_model_of_a_given_size_is_that_large(tmp_path: Path) -> None:
    size = make_gguf_of_size(tmp_path / "m", 300_000_000).stat().st_size
    assert 300_000_000 <= size < 300_000_000 + 220_000_000
