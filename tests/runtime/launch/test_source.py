"""What tells a served model's saved states from those of others."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from llamapack_runtime.engine.state_file import StateRange
from llamapack_runtime.launch.source import ModelSource, PackedModel, find_source
from llamapack_runtime.pack import Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.paths import find_paths
from llamapack_runtime.settings import Settings
from make_gguf import make_gguf

MANIFEST = Manifest(
    pack_id="0123456789abcdef",
    name="A chat",
    target="linux-x86_64",
    llamapack_version="0.1.0",
    model=ModelInfo("model/m.gguf", "M", "llama", "Q4_K_M", 7, 4096, True, None),
    runtime=RuntimeInfo("runtime/r.tar.zst", "key", "2.28", {"llama-cpp-python": "0.3.36"}),
    settings={},
    entries=(),
)
STATE = StateRange(Path("pack"), 9, 9)


def served(
    manifest: Manifest = MANIFEST, sha256: str = "ab" * 32, model: Path | None = None
) -> ModelSource:
    settings = Settings() if model is None else Settings(model=str(model))
    pack = PackedModel(Path("pack"), manifest, 0, 9, sha256, STATE)
    return find_source(pack, settings, find_paths({"LLAMAPACK_LIBRARIES": os.devnull}))


def key(source: ModelSource) -> tuple[str, str]:
    return source.content, source.engine


def test_the_packs_state_comes_with_the_packs_model_alone(tmp_path: Path) -> None:
    assert served().state == STATE
    assert served(model=make_gguf(tmp_path / "other.gguf")).state is None


def test_a_new_name_or_page_keeps_the_states() -> None:
    runtime = replace(MANIFEST.runtime, key="another image")
    renamed = replace(MANIFEST, name="B", pack_id="f" * 16, runtime=runtime)
    assert key(served(renamed)) == key(served())


def test_another_model_or_engine_has_other_states() -> None:
    versions = {"llama-cpp-python": "0.3.37"}
    newer = replace(MANIFEST, runtime=replace(MANIFEST.runtime, versions=versions))
    unnamed = replace(MANIFEST, runtime=replace(MANIFEST.runtime, versions={}))
    sources = (served(), served(newer), served(unnamed), served(sha256="cd" * 32))
    assert len({key(source) for source in sources}) == 4


def test_a_file_that_changed_has_other_states(tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "m.gguf")
    before = key(served(model=path))
    assert key(served(model=path)) == before != key(served())
    os.utime(path, (1, 1))
    assert key(served(model=path)) != before
