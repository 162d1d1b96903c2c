"""A Debian 11 with its C library and zlib alone, no Python, no shell, no network; and whether all
that an image holds runs on a system as old as we say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from llamapack.image import debian
from llamapack.image.elf import glibc_floor
from llamapack.image.store import RuntimeImage
from llamapack.targets.linux import GLIBC_FLOOR

LOCK_FOLDER = Path(__file__).parent / "lock"
NEEDS_ROOT = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or shutil.which("apt-get") is None,
    reason="makes a root folder of Debian 11's packages and enters it, as root",
)


def old_root(folder: Path, architecture: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made as `folder`, of Debian's packages for that processor."""
    monkeypatch.setattr(debian, "LOCK_FOLDER", LOCK_FOLDER)
    packages = debian.debian_packages("old-system", print, architecture)
    shutil.copytree(packages, folder, symlinks=True)
    for name in ("cache", "dev", "home", "proc", "tmp"):
        (folder / name).mkdir()
    (folder / "cache").chmod(0o700)
    assert not list(folder.rglob("*python*"))
    return folder


def ask_in(root: Path, pack: Path, patience_s: float) -> dict[str, Any]:
    """What the pack answers in there: `page`, `answer`, and how long each took."""
    shutil.copyfile(pack, root / "pack")
    (root / "pack").chmod(0o755)
    script = Path(__file__).with_name("in_old_system.py")
    inside = [sys.executable, str(script), str(root), str(patience_s)]
    command = ["unshare", "--net", "--mount", *inside]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    log = root / "log"
    printed = log.read_text(errors="replace") if log.exists() else ""
    assert done.returncode == 0, f"{done.stderr}\nThe pack printed: {printed}"
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def check_floor(image: RuntimeImage, folder: Path) -> None:
    """What the image holds needs no newer C library than it says; unpacked into the folder."""
    with (
        image.archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        # The Python of Debian 12 knows no filters yet.
        tar.extraction_filter = getattr(tarfile, "tar_filter", lambda member, _: member)
        tar.extractall(folder)  # noqa: S202 - made by the builder
    floor = glibc_floor(folder)
    assert floor == image.glibc_floor
    assert floor is not None
    assert _numbers(floor) <= _numbers(GLIBC_FLOOR)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
