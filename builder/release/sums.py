"""Writes the SHA-256 of each file of a folder into another file, sorted by name, as `sha256sum -c`
reads them.

    python sums.py FOLDER FILE
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def sums(folder: Path) -> str:
    """SystemExit when there is nothing to sum."""
    lines = []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    if not lines:
        raise SystemExit(f"There are no files in {folder}.")
    return "".join(lines)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(sums(Path(sys.argv[1])).encode())
