"""llama.cpp and a real chat model for the tests of the engine. `make test` sets the variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamapack_runtime.engine.errors import LibraryError
from llamapack_runtime.engine.lib import load_library
from llamapack_runtime.engine.model import Model

# Best first. These keep the weights where they are mapped; AMX would copy them into its layout.
VARIANTS = ("haswell", "sse42", "x64", "armv8.2_1", "armv8.0_1", "m1")


def path_from(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set; `make test` sets it")
    return Path(value)


@pytest.fixture(scope="module")
def cpu_backend() -> Path:
    """The CPU variant that this process computes with, loaded into it."""
    folder = path_from("LLAMAPACK_TEST_LIBRARIES")
    for path in (path for name in VARIANTS for path in folder.glob(f"*ggml-cpu-{name}.*")):
        try:
            load_library(folder, path)
        except LibraryError:
            continue  # it does not run on this processor
        return path
    pytest.skip(f"no CPU variant in {folder} runs here")


@pytest.fixture(scope="module")
def library_folder(cpu_backend: Path) -> Path:
    """The folder, with llama.cpp loaded from it into this process."""
    return cpu_backend.parent


@pytest.fixture(scope="module")
def model_path(library_folder: Path) -> Path:
    assert library_folder.is_dir()
    return path_from("LLAMAPACK_TEST_MODEL")


@pytest.fixture(scope="module")
def smol_model(model_path: Path) -> Iterator[Model]:
    with Model.open(model_path, 0, model_path.stat().st_size) as model:
        yield model
