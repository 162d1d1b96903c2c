"""Prints what CHANGELOG.md says of a version, for the page of its release.

    python notes.py TAG [FOLDER]

TAG is a v and the version in FOLDER's pyproject.toml; it is refused when the two differ, and when
the changelog does not have the version with its day, as in "## 1.2.0 (2027-01-31)".
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent.parent
_HEADING = re.compile(r"^## (?P<version>\S+) \((?P<day>[^)]*)\)$", re.MULTILINE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def notes(changelog: str, version: str) -> str:
    """The section's text, without its heading. SystemExit when it is not there, or not dated."""
    headings = [*_HEADING.finditer(changelog)]
    here = next((one for one in headings if one["version"] == version), None)
    if here is None:
        raise SystemExit(f"CHANGELOG.md has no section of {version}; add '## {version} (DAY)'.")
    if not _DAY.fullmatch(here["day"]):
        raise SystemExit(
            f"CHANGELOG.md says '{here['day']}' of {version}; put the day of the release there, "
            "such as 2027-01-31."
        )
    ends = [one.start() for one in headings if one.start() > here.start()]
    text = changelog[here.end() : min(ends, default=len(changelog))].strip()
    if not text:
        raise SystemExit(f"CHANGELOG.md says nothing of {version}.")
    return text


def main(tag: str, folder: Path = _PROJECT) -> None:
    facts = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    version = facts["project"]["version"]
    if tag != f"v{version}":
        raise SystemExit(f"The tag is {tag}, but pyproject.toml says {version}: tag v{version}.")
    text = notes((folder / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    sys.stdout.buffer.write(f"{text}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
