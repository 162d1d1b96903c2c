"""`llamapack build --draft`: a smaller model that guesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run
from gguf_bytes import Typed, gguf_bytes
from llamapack_runtime.pack import Pack
from make_bert_gguf import make_bert
from make_gguf import make_gguf, tokens

BIG = ("build", "big.gguf", "--draft")


@pytest.fixture
def big(workplace: Path) -> Path:
    return make_gguf(workplace / "big.gguf", license_name="mit", n_layers=4)


@pytest.fixture
def small(big: Path) -> Path:
    return make_gguf(big.parent / "small.gguf", name="Small", license_name="mit", seed=2)


@pytest.fixture
def quick(small: Path, run: Run) -> Path:
    assert run(*BIG, small.name, "-o", "quick").code == 0
    return small.parent / "quick"


def test_the_draft_is_packed_where_it_can_be_mapped_and_named(
    quick: Path, small: Path, run: Run
) -> None:
    with Pack.open(quick) as pack:
        assert pack.manifest.model.draft == "draft/small.gguf"
        assert not pack.manifest.others
        entry = pack.entry("draft/small.gguf")
    assert entry.data_offset % 65536 == 0
    data = quick.read_bytes()[entry.data_offset : entry.data_offset + entry.size]
    assert data == small.read_bytes()
    assert "Draft model:   draft/small.gguf" in run("inspect", quick).out
    assert json.loads(run("inspect", quick, "--json").out)["model"]["draft"] == entry.name
    assert run("verify", quick).code == 0


def test_it_is_taken_out_compared_and_planned(quick: Path, small: Path, run: Run) -> None:
    assert run("extract", quick, "draft/small.gguf", "-o", "out.gguf").code == 0
    assert (quick.parent / "out.gguf").read_bytes() == small.read_bytes()
    assert run("build", "big.gguf", "-o", "slow").code == 0
    compared = run("diff", "slow", quick).out
    assert "model.draft: not there -> " in compared
    assert "entry draft/small.gguf" in compared
    planned = json.loads(run(*BIG, small.name, "-o", "other", "--dry-run", "--json").out)
    assert planned["size_bytes"] == quick.stat().st_size
    assert "draft/small.gguf" in [entry["name"] for entry in planned["entries"]]


def test_a_pack_with_a_draft_is_the_same_chat(quick: Path, run: Run) -> None:
    """It answers the same, so that whoever gets the new one keeps their conversations."""
    slow = quick.with_name("slow")
    assert run("build", "big.gguf", "-o", slow).code == 0
    ids = {json.loads(run("inspect", path, "--json").out)["pack_id"] for path in (slow, quick)}
    assert len(ids) == 1


def test_it_belongs_to_the_first_of_several_models(small: Path, run: Run) -> None:
    ran = run(*BIG, small.name, "--with", f"Other={small}", "-o", "two")
    assert ran.code == 0
    with Pack.open(small.parent / "two") as pack:
        assert pack.manifest.model.draft == "draft/small.gguf"
        assert [model.draft for model in pack.manifest.others] == [None]


def test_one_that_is_not_much_smaller_or_has_no_licence_is_warned_of(big: Path, run: Run) -> None:
    make_gguf(big.parent / "small.gguf", n_layers=2)
    ran = run(*BIG, "small.gguf", "-o", "quick")
    assert ran.code == 0
    assert "ten times smaller" in ran.err
    assert "small.gguf does not say under which licence" in ran.err


def test_larger_ones_and_the_model_itself_are_refused(big: Path, run: Run) -> None:
    make_gguf(big.parent / "larger.gguf", n_layers=5)
    refused = run(*BIG, "larger.gguf", "-o", "quick")
    assert refused.code != 0
    assert "larger.gguf is not smaller than big.gguf" in refused.err
    refused = run(*BIG, "big.gguf", "-o", "quick")
    assert "big.gguf is the model itself" in refused.err
    assert not (big.parent / "quick").exists()


def test_what_cannot_guess_is_refused(big: Path, run: Run) -> None:
    make_bert(big.parent / "bert.gguf")
    refused = run(*BIG, "bert.gguf", "-o", "quick")
    assert refused.code != 0
    assert "model for embeddings" in refused.err
    assert run(*BIG, "missing.gguf", "-o", "quick").code != 0
    words = tokens()
    words[70] = "odd"
    keys: dict[str, str | Typed] = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": Typed(8, words),
        "tokenizer.ggml.bos_token_id": Typed(4, 1),
        "tokenizer.ggml.eos_token_id": Typed(4, words.index("<|im_end|>")),
    }
    (big.parent / "odd.gguf").write_bytes(gguf_bytes(keys))
    refused = run(*BIG, "odd.gguf", "-o", "quick")
    assert refused.code != 0
    assert "its token 70 is 'odd', and '<0x43>' in big.gguf" in refused.err
    assert not (big.parent / "quick").exists()
