"""The part of the changelog that belongs to a release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "builder" / "release" / "notes.py"
CHANGELOG = """# Changelog

## 0.3.0 (unreleased)

- Later.

## 0.2.0 (2027-01-31)

- One thing, for “all”.
  It goes on.

## 0.1.0 (2026-12-01)

- The first.
"""


def notes(folder: Path, version: str, tag: str) -> subprocess.CompletedProcess[str]:
    (folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    return subprocess.run(
        [sys.executable, SCRIPT, tag, folder],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("version", "text"),
    [("0.2.0", "- One thing, for “all”.\n  It goes on.\n"), ("0.1.0", "- The first.\n")],
)
def test_it_is_the_section_alone(tmp_path: Path, version: str, text: str) -> None:
    done = notes(tmp_path, version, f"v{version}")
    assert (done.returncode, done.stdout) == (0, text)


@pytest.mark.parametrize(
    ("version", "tag", "why"),
    [
        ("0.2.0", "v0.2.1", "The tag is v0.2.1, but pyproject.toml says 0.2.0"),
        ("0.2.0", "0.2.0", "tag v0.2.0"),
        ("0.3.0", "v0.3.0", "says 'unreleased' of 0.3.0"),
        ("0.4.0", "v0.4.0", "has no section of 0.4.0"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, version: str, tag: str, why: str) -> None:
    done = notes(tmp_path, version, tag)
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
