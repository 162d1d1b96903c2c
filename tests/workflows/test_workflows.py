"""The workflows cannot run here: what is checked is that linters find nothing in them, that they do
no more than call what can be run here, and that they forget no target."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamapack.targets.table import TARGETS

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
BY_NAME = {path.stem: path for path in FILES}
PROGRAMS = {"bash", "python", "python3", "sh"}
# A full commit, and which version it is said to be.
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def commands() -> Iterator[str]:
    for path in FILES:
        for job in jobs(path).values():
            for step in job["steps"]:
                yield from str(step.get("run", "")).splitlines()


def targets_of(*names: str) -> list[str]:
    """Of jobs of a release."""
    found: list[str] = []
    for name in names:
        matrix = jobs(BY_NAME["release"])[name]["strategy"]["matrix"]
        found += matrix.get("target", [row["target"] for row in matrix.get("include", [])])
    return sorted(found)


def lint(name: str, *arguments: str | Path) -> None:
    """With a program that pip installs beside Python."""
    program = shutil.which(name, path=str(Path(sys.executable).parent))
    assert program is not None, f"pip install -e '.[dev]' installs {name}"
    done = subprocess.run(
        [program, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing() -> None:
    # Shell and Python programs are files here, which their own linters read.
    lint("actionlint", "-shellcheck=", "-pyflakes=", *FILES)


def test_zizmor_finds_nothing() -> None:
    lint("zizmor", "--offline", "--no-progress", "--persona", "auditor", ".github")


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_steps_only_call_what_is_in_the_repository(command: str) -> None:
    program, what, *_ = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{re.escape(what)}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert program in PROGRAMS
        assert (PROJECT / what).is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_pinned_and_their_versions_told(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert [line for line in lines if not PINNED.search(line)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_jobs_have_a_limit_and_no_rights_that_they_do_not_name(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    for job in jobs(path).values():
        assert job["timeout-minutes"] <= 180
        assert job["permissions"]


def test_an_image_is_made_and_tried_for_every_target() -> None:
    assert targets_of("images", "mac-images") == sorted(TARGETS)
    assert targets_of("try") == sorted(TARGETS)


def test_a_pack_is_tried_on_its_own_system_and_processor() -> None:
    runners = {
        "linux-x86_64": "ubuntu-24.04",
        "linux-aarch64": "ubuntu-24.04-arm",
        "windows-x86_64": "windows-2025",
        "macos-arm64": "macos-15",
        "macos-x86_64": "macos-15-intel",
    }
    rows = jobs(BY_NAME["release"])["try"]["strategy"]["matrix"]["include"]
    assert {row["target"]: row["runner"] for row in rows} == runners


def test_images_but_those_for_macos_are_made_on_the_processor_that_makes_them() -> None:
    assert jobs(BY_NAME["release"])["images"]["runs-on"] == "ubuntu-24.04"  # x86-64


def test_only_what_publishes_may_write_and_only_for_a_tag() -> None:
    found = jobs(BY_NAME["release"])
    writers = {name for name, job in found.items() if "write" in job["permissions"].values()}
    assert writers == {"publish", "pypi"}
    assert found["publish"]["if"] == "github.event_name == 'push' && github.ref_type == 'tag'"
    assert found["pypi"]["needs"] == "publish"
    assert found["pypi"]["environment"] == "pypi"
