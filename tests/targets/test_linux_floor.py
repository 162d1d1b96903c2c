"""The image for Linux runs on glibc 2.28, and a pack starts where an old glibc is all there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llamapack.image.store import load_image
from targets.old_system import NEEDS_ROOT, ask_in, check_floor, old_root

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("LLAMAPACK_TEST_IMAGE" not in os.environ, reason="`make test` sets it"),
]


def test_the_image_needs_no_newer_glibc(tmp_path: Path) -> None:
    check_floor(load_image(Path(os.environ["LLAMAPACK_TEST_IMAGE"])), tmp_path)


@NEEDS_ROOT
def test_a_pack_starts_with_an_old_c_library_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = old_root(tmp_path / "root", "amd64", monkeypatch)
    found = ask_in(root, Path(os.environ["LLAMAPACK_TEST_PACK"]), 60)
    assert "<html" in found["page"]
    assert "Paris" in found["answer"]
