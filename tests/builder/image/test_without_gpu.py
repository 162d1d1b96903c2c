"""An image without its GPU library is the image of the same tree without it, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack.image import store
from llamapack.image.archive import write_archive
from llamapack.image.errors import ImageError
from llamapack.image.without_gpu import without_gpu

LIBRARIES, LIBRARY = "_internal/llama_cpp/lib", "libggml-vulkan.so"


def tree(folder: Path, *, gpu: bool, library: str = LIBRARY) -> Path:
    libraries = folder / LIBRARIES
    libraries.mkdir(parents=True)
    (folder / "llamapack-runtime").write_bytes(b"program" * 1000)
    (folder / "llamapack-runtime").chmod(0o755)
    (libraries / "libggml-cpu-x64.so").write_bytes(bytes(range(256)) * 40)
    (libraries / "libllama.so.0").write_bytes(b"library")
    (libraries / "libllama.so").symlink_to("libllama.so.0")
    (libraries / "about-libggml-vulkan.so.txt").write_text("not the library")
    if gpu:
        (libraries / library).write_bytes(b"shaders" * 5000)
    return folder


def image(
    folder: Path, *, gpu: bool = True, says_gpu: bool = True, library: str = LIBRARY
) -> store.RuntimeImage:
    made = folder / "made"
    (made / "licenses").mkdir(parents=True)
    for name in ("vulkan-headers", "spirv-headers", "llama.cpp"):
        (made / "licenses" / f"{name}.txt").write_text("licence")
    write_archive(tree(folder / "tree", gpu=gpu, library=library), made / "runtime.tar.zst")
    (made / "launcher").write_bytes(b"launcher")
    facts = {
        "glibc_floor": "2.28",
        "versions": {"python": "3.11", "vulkan-headers": "1.4.309.0"},
        "architectures": ["llama"],
        "gpu": ["vulkan"] if says_gpu else [],
    }
    store.write_facts(made, "linux-x86_64", "0123456789abcdef", facts)
    return store.load_image(made)


@pytest.mark.parametrize("library", [LIBRARY, "ggml-vulkan.dll"])
def test_it_is_what_packing_the_rest_gives(library: str, tmp_path: Path) -> None:
    full = image(tmp_path, library=library)
    lines: list[str] = []
    less = without_gpu(full, lines.append)
    write_archive(tree(tmp_path / "rest", gpu=False), tmp_path / "rest.tar.zst")
    assert less.archive.read_bytes() == (tmp_path / "rest.tar.zst").read_bytes()
    assert less.key != full.key
    assert len(less.key) == len(full.key)
    assert (full.gpu, less.gpu) == (("vulkan",), ())
    assert [path.name for path in less.licenses] == ["llama.cpp.txt"]
    assert dict(less.versions) == {"python": "3.11"}
    assert len(lines) == 2


def test_it_is_made_once(tmp_path: Path) -> None:
    full = image(tmp_path)
    first = without_gpu(full, lambda _: None)
    written = first.archive.stat().st_mtime_ns
    lines: list[str] = []
    assert without_gpu(full, lines.append) == first
    assert first.archive.stat().st_mtime_ns == written
    assert lines == []


def test_an_image_that_has_none_stays_as_it_is(tmp_path: Path) -> None:
    full = image(tmp_path, gpu=False, says_gpu=False)
    less = without_gpu(full, lambda _: None)
    assert (less.archive, less.key) == (full.archive, full.key)
    assert (full.gpu, less.gpu) == (None, ())


def test_an_image_without_what_it_says_is_refused(tmp_path: Path) -> None:
    full = image(tmp_path, gpu=False)
    with pytest.raises(ImageError, match="does not hold the GPU library"):
        without_gpu(full, lambda _: None)
    assert not (full.folder / "without-gpu").exists()


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    full = image(tmp_path)
    full.archive.write_bytes(full.archive.read_bytes()[:-40])
    with pytest.raises(ImageError, match="cannot be read"):
        without_gpu(full, lambda _: None)
    assert not (full.folder / "without-gpu").exists()
