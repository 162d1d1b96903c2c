"""The image for Linux runs on glibc 2.28, and a pack starts where an old glibc is all there is."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from llamapack.image.elf import glibc_floor
from llamapack.image.store import load_image
from llamapack.targets.linux import GLIBC_FLOOR
from targets.old_system import NEEDS_ROOT, ask_in, old_root

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("LLAMAPACK_TEST_IMAGE" not in os.environ, reason="`make test` sets it"),
]


def test_the_image_needs_no_newer_glibc(tmp_path: Path) -> None:
    image = load_image(Path(os.environ["LLAMAPACK_TEST_IMAGE"]))
    with (
        image.archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        tar.extractall(tmp_path, filter="tar")
    floor = glibc_floor(tmp_path)
    assert floor == image.glibc_floor
    assert floor is not None
    assert _numbers(floor) <= _numbers(GLIBC_FLOOR)


@NEEDS_ROOT
def test_a_pack_starts_with_an_old_c_library_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = old_root(tmp_path / "root", "amd64", monkeypatch)
    found = ask_in(root, Path(os.environ["LLAMAPACK_TEST_PACK"]), 60)
    assert "<html" in found["page"]
    assert "Paris" in found["answer"]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
