"""An image with CUDA is the usual one with more libraries, and only for those who ask for it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from llamapack.errors import TargetError
from llamapack.image import store, with_cuda
from llamapack.image.archive import write_archive
from llamapack.image.cuda import CudaLibrary, cuda_inputs
from llamapack.image.errors import ImageError
from llamapack.image.gpu_parts import fitted, fitted_at_hand
from llamapack.image.make import image_key
from llamapack.image.sources import source_version
from llamapack.image.tools import LOCK_FOLDER
from llamapack.image.wheel import NativeWheel
from llamapack.targets.gpu import GpuParts, parts_of

FOLDER = "_internal/llama_cpp/lib"
ENGINE = "llama-cpp-python"
VERSIONS = {"python": "3.13", ENGINE: source_version(ENGINE)}


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.RuntimeImage:
    """Of this computer, in a cache of its own."""
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "cache"))
    tree, made = tmp_path / "tree", tmp_path / "made"
    (tree / FOLDER).mkdir(parents=True)
    (tree / FOLDER / "libllama.so.0").write_bytes(b"library")
    (tree / FOLDER / "libllama.so").symlink_to("libllama.so.0")
    (made / "licenses").mkdir(parents=True)
    (made / "licenses" / "llama.cpp.txt").write_text("licence")
    write_archive(tree, made / store.ARCHIVE)
    (made / store.LAUNCHER).write_bytes(b"launcher")
    facts = {
        "glibc_floor": "2.28",
        "versions": VERSIONS,
        "architectures": ["llama"],
        "gpu": ["vulkan"],
    }
    key = image_key("linux-x86_64")
    store.write_facts(made, "linux-x86_64", key, facts)
    folder = store.images_folder() / f"linux-x86_64-{key}"
    folder.parent.mkdir(parents=True)
    made.rename(folder)
    return store.load_image(folder)


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CudaLibrary:
    """What is compiled for an hour elsewhere."""
    library, text = tmp_path / "libggml-cuda.so", tmp_path / "cuda.txt"
    library.write_bytes(b"kernels" * 5000)
    text.write_text("NVIDIA's licence")
    made = CudaLibrary((library,), (text,), {"cuda": "13.0.96"})
    wheel = NativeWheel(tmp_path, "0" * 16, frozenset(), ())
    monkeypatch.setattr(with_cuda, "native_wheel", lambda _target, _report: wheel)
    monkeypatch.setattr(with_cuda, "cuda_library", lambda _target, _wheel, _report: made)
    monkeypatch.setattr(with_cuda, "require_compilers", lambda: None)
    monkeypatch.setattr(with_cuda, "host_name", lambda: "linux-x86_64")
    return made


def held(image: store.RuntimeImage) -> dict[str, bytes]:
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(image.archive.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        files = [(member.name, tar.extractfile(member)) for member in tar if member.isreg()]
        return {name: file.read() for name, file in files if file is not None}


@pytest.mark.usefixtures("compiled")
def test_it_has_the_libraries_besides(usual: store.RuntimeImage) -> None:
    lines: list[str] = []
    made = fitted(usual, "cuda", lines.append)
    assert held(made) == held(usual) | {f"{FOLDER}/libggml-cuda.so": b"kernels" * 5000}
    assert made.gpu == ("vulkan", "cuda")
    assert made.versions == VERSIONS | {"cuda": "13.0.96"}
    assert [path.name for path in made.licenses] == ["cuda.txt", "llama.cpp.txt"]
    assert (made.glibc_floor, made.launcher.read_bytes()) == ("2.28", b"launcher")
    assert fitted(usual, "cuda", pytest.fail) == fitted_at_hand(usual, "cuda") == made


@pytest.mark.usefixtures("compiled")
def test_only_those_who_ask_get_it(usual: store.RuntimeImage) -> None:
    made = fitted(usual, "cuda", lambda _: None)
    (made.folder / store.ADDED).touch()
    assert made in store.list_images()
    assert store.find_image("linux-x86_64") == usual
    (usual.folder / store.FACTS).unlink()
    assert store.find_image("linux-x86_64") is None
    assert fitted(usual, "auto", pytest.fail) is usual


@pytest.mark.usefixtures("compiled")
def test_one_that_is_used_is_kept(usual: store.RuntimeImage) -> None:
    made = fitted(usual, "cuda", lambda _: None)
    long_ago_s = time.time() - 2 * store.UNUSED_S
    for image in (usual, made):
        os.utime(image.folder / store.FACTS, (long_ago_s, long_ago_s))
    assert fitted(usual, "cuda", pytest.fail) == made
    assert list(store.remove_unused_images()) == [usual.key]


@pytest.mark.usefixtures("compiled")
def test_one_that_was_added_serves_where_none_is_made(
    usual: store.RuntimeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fitted(usual, "cuda", lambda _: None)
    monkeypatch.setattr(with_cuda, "host_name", lambda: "windows-x86_64")
    assert fitted(usual, "cuda", pytest.fail) == made
    store.remove_image(made.key)
    with pytest.raises(ImageError, match="no runtime image with CUDA for linux-x86_64"):
        fitted(usual, "cuda", pytest.fail)


def test_cuda_is_for_one_target(usual: store.RuntimeImage) -> None:
    with pytest.raises(TargetError, match="CUDA is for linux-x86_64 alone, not for windows-x86_64"):
        fitted(replace(usual, target="windows-x86_64"), "cuda", pytest.fail)


@pytest.mark.usefixtures("compiled")
def test_it_is_not_compiled_for_an_image_of_another_version(usual: store.RuntimeImage) -> None:
    older = replace(usual, versions={ENGINE: "0.3.1"})
    with pytest.raises(ImageError, match=f"has {ENGINE} 0.3.1, and CUDA would be compiled for 0"):
        fitted(older, "cuda", pytest.fail)
    assert store.list_images() == [usual]


@pytest.mark.parametrize(("there", "missing"), [("gcc", "'g\\+\\+'"), ("g++", "'gcc'")])
def test_a_missing_compiler_is_named_before_anything_is_fetched(
    usual: store.RuntimeImage, monkeypatch: pytest.MonkeyPatch, there: str, missing: str
) -> None:
    monkeypatch.setattr(with_cuda, "host_name", lambda: "linux-x86_64")
    monkeypatch.setattr(shutil, "which", lambda program: program if program == there else None)
    with pytest.raises(ImageError, match=f"and {missing} cannot be found here; install the Debian"):
        fitted(usual, "cuda", pytest.fail)


def test_all_that_compiles_it_is_pinned_and_counts() -> None:
    lock = (LOCK_FOLDER / "cuda.txt").read_text()
    assert lock.count("==") == 6
    assert lock in cuda_inputs()


@pytest.mark.parametrize(
    ("backends", "parts"),
    [
        (None, "auto"),
        ((), "none"),
        (("vulkan",), "auto"),
        (("vulkan", "cuda"), "cuda"),
    ],
)
def test_a_pack_goes_on_with_what_it_was_made_with(
    backends: tuple[str, ...] | None, parts: GpuParts
) -> None:
    assert parts_of(backends) == parts
