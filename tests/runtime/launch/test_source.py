"""What tells a served model's saved states from those of others."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from llamapack_runtime.engine.state_file import StateRange
from llamapack_runtime.errors import PackUnusable, UsageError
from llamapack_runtime.launch.source import ModelSource, PackedModel, find_source, read_pack
from llamapack_runtime.pack import Brand, Manifest, ModelInfo, RuntimeInfo
from llamapack_runtime.pack.logo import Logo
from llamapack_runtime.paths import find_paths
from llamapack_runtime.settings import Settings, read_settings
from make_gguf import make_gguf
from runtime.launch.small_pack import write_pack

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
LOCKED = replace(MANIFEST, brand=Brand(is_system_prompt_locked=True))
PATHS = find_paths({"LLAMAPACK_LIBRARIES": os.devnull})
STATE = StateRange(Path("pack"), 9, 9)


def served(
    manifest: Manifest = MANIFEST, sha256: str = "ab" * 32, model: Path | None = None
) -> ModelSource:
    settings = Settings() if model is None else Settings(model=str(model))
    pack = PackedModel(Path("pack"), manifest, 0, 9, sha256, STATE)
    return find_source(pack, settings, PATHS)


def key(source: ModelSource) -> tuple[str, str]:
    return source.content, source.engine


def test_the_packs_state_comes_with_the_packs_model_alone(tmp_path: Path) -> None:
    assert served().state == STATE
    assert served(model=make_gguf(tmp_path / "other.gguf")).state is None


def test_the_packers_wishes_are_for_the_packs_model_alone(tmp_path: Path) -> None:
    branded = replace(MANIFEST, brand=Brand(title="Latin"))
    assert served(branded).about.brand.title == "Latin"
    other = served(branded, model=make_gguf(tmp_path / "other.gguf"))
    assert other.about.brand == Brand()


def test_the_logo_is_read_with_the_pack(tmp_path: Path) -> None:
    wishes = {"title": "Latin", "logo": "brand/logo"}
    pack = read_pack(write_pack(tmp_path / "a", logo=b"<svg/>", brand=wishes))
    about = find_source(pack, Settings(), PATHS).about
    assert (about.brand.title, about.logo) == ("Latin", Logo("image/svg+xml", b"<svg/>"))
    with pytest.raises(PackUnusable, match=r"'brand.logo' names 'brand/logo', which is no PNG"):
        read_pack(write_pack(tmp_path / "b", logo=b"<html>", brand=wishes))


@pytest.mark.parametrize("name", ["LLAMAPACK_SYSTEM_PROMPT", "LLAMAPACK_SYSTEM_PROMPT_FILE"])
def test_a_locked_system_prompt_is_the_packs(tmp_path: Path, name: str) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Be rude.")
    pack = PackedModel(Path("pack"), LOCKED, 0, 9, "ab" * 32, None)
    packed = {"system-prompt": "You teach Latin."}
    settings = read_settings(packed, {}, [])
    assert find_source(pack, settings, PATHS).about.brand.is_system_prompt_locked
    with pytest.raises(UsageError, match="locked its system prompt"):
        find_source(pack, read_settings(packed, {name: str(prompt)}, []), PATHS)


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
