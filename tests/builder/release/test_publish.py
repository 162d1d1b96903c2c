"""The sums of a release, and that nothing is published which does not fit them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RELEASE = Path(__file__).resolve().parents[3] / "builder" / "release"
WHEELS = {"b-1-py3-none-any.whl": b"second", "a-1-py3-none-win_amd64.whl": b"first"}

pytestmark = pytest.mark.skipif(
    shutil.which("sha256sum") is None, reason="what publishes runs on Linux"
)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """As `make release-wheels` leaves it, in a folder with a `gh` that notes what it is asked."""
    folder = tmp_path / "dist" / "release"
    (folder / "wheels").mkdir(parents=True)
    for name, data in WHEELS.items():
        (folder / "wheels" / name).write_bytes(data)
    (folder / "notes.md").write_text("- News.\n")
    sum_up(folder / "wheels", folder / "SHA256SUMS")
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\nfor word in "$@"; do echo "$word" >> "{tmp_path}/asked"; done\n')
    gh.chmod(0o755)
    return folder


def sum_up(folder: Path, out: Path) -> None:
    subprocess.run([sys.executable, RELEASE / "sums.py", folder, out], check=True, timeout=30)


def publish(folder: Path, tag: str) -> int:
    variables = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", str(RELEASE / "publish.sh"), tag]
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, timeout=30, check=False
    ).returncode


def test_sums_are_sorted_and_as_sha256sum_writes_them(dist: Path) -> None:
    lines = [f"{hashlib.sha256(WHEELS[name]).hexdigest()}  {name}\n" for name in sorted(WHEELS)]
    assert (dist / "SHA256SUMS").read_bytes() == "".join(lines).encode()


def test_a_folder_without_files_has_no_sums(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        sum_up(tmp_path, tmp_path / "SHA256SUMS")


def test_a_release_has_notes_wheels_and_sums(dist: Path, tmp_path: Path) -> None:
    assert publish(tmp_path, "v1.2.3") == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:3] == ["release", "create", "v1.2.3"]
    assert "--verify-tag" in asked
    assert asked[asked.index("--title") + 1] == "llamapack 1.2.3"
    assert (dist / asked[asked.index("--notes-file") + 1]).read_text() == "- News.\n"
    assert asked[-3:] == [*(f"wheels/{name}" for name in sorted(WHEELS)), "SHA256SUMS"]


@pytest.mark.parametrize("damage", [b"other", None], ids=["changed", "missing"])
def test_nothing_is_published_when_a_sum_does_not_fit(
    dist: Path, tmp_path: Path, damage: bytes | None
) -> None:
    wheel = dist / "wheels" / min(WHEELS)
    wheel.unlink() if damage is None else wheel.write_bytes(damage)
    assert publish(tmp_path, "v1.2.3") != 0
    assert not (tmp_path / "asked").exists()
