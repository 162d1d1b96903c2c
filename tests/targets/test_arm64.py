"""The pack for Linux on ARM, under qemu's emulator of single programs; `make test-arm64` makes it
and runs this. It shows that the parts fit each other and an old system, not how fast they are."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamapack.image.elf import MACHINES, elf_files, machine_of
from llamapack.image.store import RuntimeImage, find_image
from targets.old_system import NEEDS_ROOT, ask_in, check_floor, old_root

PATIENCE_S = 500.0
_FORMATS = Path("/proc/sys/fs/binfmt_misc")  # what the kernel starts with which interpreter
_EMULATOR = "qemu-aarch64"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "LLAMAPACK_TEST_ARM64_PACK" not in os.environ, reason="`make test-arm64` sets it"
    ),
]


@pytest.fixture
def emulator() -> Iterator[None]:
    """Programs for ARM start with qemu, as long as the test runs."""
    with contextlib.ExitStack() as undo:
        if not (_FORMATS / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _FORMATS], check=True)
            undo.callback(lambda: subprocess.run(["umount", _FORMATS], check=True))
        entry = _FORMATS / _EMULATOR
        if not entry.exists():
            line = Path(f"/usr/lib/binfmt.d/{_EMULATOR}.conf").read_text(encoding="utf-8")
            (_FORMATS / "register").write_text(line.strip())
            undo.callback(entry.write_text, "-1")  # unregisters it
        yield


@pytest.fixture
def pack() -> Path:
    path = Path(os.environ["LLAMAPACK_TEST_ARM64_PACK"])
    assert machine_of(path) == MACHINES["aarch64"]
    return path


@pytest.fixture
def image() -> RuntimeImage:
    found = find_image("linux-aarch64")
    assert found is not None
    return found


def test_all_that_is_compiled_is_for_arm_and_an_old_glibc(
    image: RuntimeImage, tmp_path: Path
) -> None:
    check_floor(image, tmp_path)
    assert {machine_of(path) for path in elf_files(tmp_path)} == {MACHINES["aarch64"]}


@NEEDS_ROOT
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("emulator")
def test_it_chats_on_a_debian_11_without_python_and_network(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = old_root(tmp_path / "root", "arm64", monkeypatch)
    found = ask_in(root, pack, PATIENCE_S)
    assert "<html" in found["page"]
    assert "Paris" in found["answer"]
    print(f"page after {found['page_s']:.1f} s, ready after {found['ready_s']:.1f} s")
