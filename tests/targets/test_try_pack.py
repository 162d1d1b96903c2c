"""What tries a pack on each system before a release, with the pack for this one."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("try_pack.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif("LLAMAPACK_TEST_PACK" not in os.environ, reason="`make test` sets it"),
]


@pytest.fixture
def pack() -> Path:
    return Path(os.environ["LLAMAPACK_TEST_PACK"])


def tried(pack: Path) -> subprocess.CompletedProcess[str]:
    """Only with Python's standard library."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(pack)]
    return subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)


def test_a_pack_out_of_a_tar_file_does_what_it_should(pack: Path, tmp_path: Path) -> None:
    sent = tmp_path / "pack.tar"
    with tarfile.open(sent, "w") as tar:
        tar.add(pack, "./chat")
    done = tried(sent)
    assert done.returncode == 0, done.stderr
    assert "First start: page after" in done.stdout
    assert "Paris" in done.stdout
    assert "Second start: page after" in done.stdout


def test_what_a_broken_pack_prints_is_told(pack: Path, tmp_path: Path) -> None:
    """In a folder as macOS has it, but for the archive."""
    contents = tmp_path / "Chat.app" / "Contents"
    program = contents / "MacOS" / "chat"
    program.parent.mkdir(parents=True)
    shutil.copy2(pack, program)
    os.truncate(program, pack.stat().st_size - 1000)
    (contents / "Info.plist").write_bytes(plistlib.dumps({"CFBundleExecutable": "chat"}))
    done = tried(contents.parent)
    assert done.returncode == 1
    assert "It ended with 65 before / answered." in done.stderr
    assert "chat.llamapack is not in its folder Contents/Resources" in done.stderr
