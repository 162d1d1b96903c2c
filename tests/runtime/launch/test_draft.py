"""Which draft model a start has, whether it can be used, and what is told of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from llamapack_runtime.errors import ModelFileUnusable
from llamapack_runtime.gguf_header import read_header
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import LoadPlan, ModelFacts, Wanted, plan_load
from llamapack_runtime.launch.draft import DraftSource
from llamapack_runtime.launch.drafting import DraftPlan, plan_draft, with_draft
from llamapack_runtime.launch.source import find_source, read_pack
from llamapack_runtime.paths import find_paths
from llamapack_runtime.settings import Settings
from make_bert_gguf import make_bert
from make_gguf import make_gguf
from runtime.launch.small_pack import write_pack

PATHS = find_paths({"LLAMAPACK_LIBRARIES": os.devnull})
FREE = MemoryLimits(1 << 33, 1 << 33, "machine")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    return make_gguf(tmp_path / "big.gguf", n_layers=3, n_ctx=4096)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return make_gguf(tmp_path / "small.gguf", n_ctx=1000, seed=2)


def source_of(path: Path, offset: int = 0) -> DraftSource:
    return DraftSource(path, offset, path.stat().st_size - offset, "small")


def planned(
    draft: DraftSource | None, big: Path, free: MemoryLimits = FREE
) -> tuple[DraftPlan | None, LoadPlan]:
    with big.open("rb") as file:
        header = read_header(file, 0, big.stat().st_size, "big")
    facts = ModelFacts.from_metadata(header.metadata, big.stat().st_size)
    plan = plan_load(facts, Wanted(n_ctx=2048), free)
    found = plan_draft(draft, (big, 0), header, plan)
    return found, with_draft(plan, found)


def test_its_memory_is_counted_beside_the_models(big: Path, small: Path) -> None:
    _, alone = planned(None, big)
    found, together = planned(source_of(small), big)
    assert found is not None
    assert found.memory is not None
    assert found.memory.n_ctx == 1024  # as llama.cpp rounds what it was trained with
    assert found.needed_bytes > small.stat().st_size
    assert together == replace(alone, needed_bytes=alone.needed_bytes + found.needed_bytes)


def test_the_model_gives_up_nothing_for_it(big: Path, small: Path) -> None:
    _, alone = planned(None, big)
    tight = MemoryLimits(1 << 33, alone.needed_bytes + (1 << 20), "machine")
    found, together = planned(source_of(small), big, tight)
    assert found is not None
    assert found.memory is None
    assert (together.n_ctx, together.needed_bytes) == (alone.n_ctx, alone.needed_bytes)
    [note] = together.notes
    assert note.startswith(
        "The draft model small is not used, so answers may come slower. It needs"
    )
    assert "1 MiB is free" in note


def test_one_that_lies_in_a_larger_file_is_read_there(big: Path, small: Path) -> None:
    inside = small.with_name("pack")
    inside.write_bytes(bytes(4096) + small.read_bytes())
    found, _ = planned(source_of(inside, 4096), big)
    assert found is not None
    assert found.problem is None
    inside.write_bytes(bytes(4097) + small.read_bytes())
    found, _ = planned(source_of(inside, 4097), big)
    assert found is not None
    assert found.problem == "It does not lie where it can be read."


def test_one_that_cannot_guess_is_told_and_left_out(big: Path, small: Path) -> None:
    words = small.read_bytes()
    odd = words.replace(b"<0x41>", b"<0x4X>")
    for name, data, sentence in (
        ("cut.gguf", words[:-40000], "It is cut off"),
        ("short.gguf", b"GGUF", "It is cut off or damaged"),
        ("none.gguf", b"nothing", "It is not a GGUF file"),
        ("odd.gguf", odd, "It cannot guess for the model: its token 68 is '<0x4X>', and '<0x41>'"),
        ("bert.gguf", make_bert(big.with_name("b")).read_bytes(), "It is a model for embeddings"),
    ):
        path = big.with_name(name)
        path.write_bytes(data)
        found, together = planned(source_of(path), big)
        assert found is not None
        assert found.problem is not None
        assert found.problem.startswith(sentence), found.problem
        assert together.notes == (found.sentence,)
    path.unlink()
    missing = DraftSource(path, 0, 100, "small")
    found, _ = planned(missing, big)
    assert found is not None
    assert found.problem == "It cannot be read: No such file or directory."


def test_the_packs_own_is_taken_unless_another_is_named(tmp_path: Path, small: Path) -> None:
    pack = read_pack(write_pack(tmp_path / "pack", draft=small.read_bytes()))
    source = find_source(pack, Settings(), PATHS)
    assert source.draft is not None
    assert (source.draft.path, source.draft.name) == (tmp_path / "pack", "d")
    data = (tmp_path / "pack").read_bytes()[source.draft.offset :][: source.draft.size]
    assert data == small.read_bytes()
    named = find_source(pack, Settings(model_draft=str(small)), PATHS)
    assert named.draft == DraftSource(small, 0, small.stat().st_size, "small")
    assert find_source(pack, Settings(spec_type="none"), PATHS).draft is None
    with pytest.raises(ModelFileUnusable, match=r"The draft model .* cannot be read: No such file"):
        find_source(pack, Settings(model_draft="missing.gguf"), PATHS)


def test_another_model_is_served_without_the_packs_draft(tmp_path: Path, small: Path) -> None:
    pack = read_pack(write_pack(tmp_path / "pack", draft=small.read_bytes()))
    assert find_source(pack, Settings(model=str(small)), PATHS).draft is None
