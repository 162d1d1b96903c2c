"""A home folder of the test's own: no model of this computer is found by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack.inputs import ollama_store
from make_gguf import make_gguf


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.setenv("USERPROFILE", str(path))
    for name in ("OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ollama_store, "SYSTEM_STORE", tmp_path / "no-system-store")
    return path


@pytest.fixture(scope="session")
def bare_model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A GGUF without a chat template."""
    path = tmp_path_factory.mktemp("bare") / "bare.gguf"
    return make_gguf(path, chat_template=None, license_name="mit").read_bytes()
