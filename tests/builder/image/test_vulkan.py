"""The Vulkan library as it is shipped: it alone needs the computer's Vulkan loader, it meets of the
other libraries ggml's C interface alone, and it names no place of the computer that made it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from llamapack.image.elf import is_elf, needed_glibc
from llamapack.image.make import image_key, image_keys
from llamapack.image.program import RuntimeProgram
from llamapack.image.store import FACTS, best_image, find_image, load_image
from llamapack.image.system import PROGRAMS
from llamapack.image.vulkan import LICENSES
from llamapack.image.vulkan_systems import vulkan_system
from llamapack.image.without_gpu import without_gpu
from llamapack.targets.linux import GLIBC_FLOOR
from llamapack.targets.table import target_named
from needs import LIBRARIES_AND_MODEL

pytestmark = [pytest.mark.slow, LIBRARIES_AND_MODEL]
LIBRARY = vulkan_system(target_named("linux-x86_64")).library
LOADER = "libvulkan.so.1"
IMAGE_LIMIT_BYTES = 30_000_000


@pytest.fixture(scope="module")
def libraries() -> Path:
    folder = Path(os.environ["LLAMAPACK_TEST_LIBRARIES"])
    assert (folder / LIBRARY).is_file(), "`make test` compiles it"
    return folder


def printed(*command: str | Path) -> str:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=True
    ).stdout


def needed(path: Path) -> set[str]:
    return set(re.findall(r"^\s+NEEDED\s+(\S+)$", printed("objdump", "-p", path), re.MULTILINE))


def test_no_other_library_needs_the_vulkan_loader(libraries: Path) -> None:
    all_of_them = [path for path in libraries.glob("*.so*") if is_elf(path)]
    assert len(all_of_them) > 10
    assert {path.name for path in all_of_them if LOADER in needed(path)} == {LIBRARY}


def test_it_shares_the_registry_of_the_others_and_runs_on_an_old_glibc(libraries: Path) -> None:
    assert "libggml-base.so.0" in needed(libraries / LIBRARY)
    found = needed_glibc(libraries / LIBRARY)
    assert found is not None
    assert found <= tuple(map(int, GLIBC_FLOOR.split(".")))


def test_it_gives_and_takes_c_functions_alone(libraries: Path) -> None:
    lines = printed("objdump", "-T", libraries / LIBRARY).splitlines()
    symbols = [line for line in lines if re.match(r"^[0-9a-f]{16} ", line)]
    given = [line.split()[-1] for line in symbols if "*UND*" not in line]
    taken = [line.split()[-1] for line in symbols if "*UND*" in line]
    assert given == ["ggml_backend_init"]
    assert "ggml_abort" in taken
    assert [name for name in taken if name.startswith("_Z")] == []


def test_it_names_no_place_of_the_computer_that_made_it(libraries: Path) -> None:
    data = (libraries / LIBRARY).read_bytes()
    assert b"ggml/src/ggml-vulkan/ggml-vulkan.cpp" in data  # what an error message names
    places = (Path.home(), Path(__file__).resolve().parents[3])
    assert [place for place in places if f"{place}/".encode() in data] == []


def test_the_image_holds_it_and_stays_small() -> None:
    image = load_image(Path(os.environ["LLAMAPACK_TEST_IMAGE"]))
    assert image.gpu == ("vulkan",)
    assert {path.name for path in image.licenses} >= set(LICENSES)
    assert image.size_bytes <= IMAGE_LIMIT_BYTES


@pytest.mark.timeout(300)  # compresses the whole image anew
def test_the_image_without_it_still_reads_a_model() -> None:
    image = without_gpu(load_image(Path(os.environ["LLAMAPACK_TEST_IMAGE"])), lambda _: None)
    lines: list[str] = []
    model = Path(os.environ["LLAMAPACK_TEST_MODEL"])
    RuntimeProgram(image).run(["--quantize-model", model, "Q4_0"], lines.append)
    assert lines
    assert list((image.archive.parent / "program").rglob(LIBRARY)) == []


@pytest.mark.parametrize("target", ["linux-x86_64", "windows-x86_64"])
def test_the_key_changes_with_it(target: str) -> None:
    assert image_keys(target)[:2] == (image_key(target), image_key(target, has_gpu=False))
    assert len(set(image_keys(target)[:2])) == 2


def test_there_is_one_key_where_there_is_no_library() -> None:
    assert len(image_keys("linux-aarch64")) == 1


def test_where_it_cannot_be_compiled_the_image_is_made_without_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel and the rest of the image are there; the program that fetches packages is not."""
    real = Path(os.environ["LLAMAPACK_TEST_IMAGE"])
    cache, programs = tmp_path / "cache", tmp_path / "bin"
    key = image_key("linux-x86_64", has_gpu=False, is_own_python=True)
    lesser = cache / "images" / f"linux-x86_64-{key}"
    shutil.copytree(real, lesser, ignore=shutil.ignore_patterns("program*", "without-gpu*"))
    facts = json.loads((lesser / FACTS).read_text())
    (lesser / FACTS).write_text(json.dumps(facts | {"gpu": [], "key": lesser.name[-16:]}))
    (cache / "wheels").symlink_to(real.parent.parent / "wheels")
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(cache))
    monkeypatch.setenv("PATH", str(programs))
    lines: list[str] = []
    image = best_image("linux-x86_64", lines.append)
    assert (image.folder, image.gpu) == (lesser, None)
    told = "\n".join(lines)
    assert "is made without Vulkan" in told
    assert "there is no apt-get on this computer. On Debian 12 or newer" in told
    assert "is frozen with this computer's own Python" in told
    assert find_image("linux-x86_64") == image
