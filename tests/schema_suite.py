"""Fetches the JSON Schema test suites: draft 4 from npm, 2020-12 from the sdist of jsonschema."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from llamapack.image.folders import build_cache, fill_once

NPM_PACKAGE = "json-schema-test-suite@0.0.10"
NPM_SHA256 = "0b54234c9ae1c164deefae9f45c1491f18852b6d5748c093279597b7ae0e328c"
NPM_MEMBERS = "package/tests/draft4"
SDIST = (
    "jsonschema==4.26.0 "
    "--hash=sha256:0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326"
)
SDIST_MEMBERS = "jsonschema-4.26.0/json/tests/draft2020-12"


def schema_suite() -> Path:
    """A folder in the build cache with the folders `draft4` and `draft2020-12` of JSON files."""
    return fill_once(build_cache() / "schema-suite" / NPM_SHA256[:12], _fetch)


def _fetch(work: Path) -> None:
    with tempfile.TemporaryDirectory(dir=work.parent) as scratch:
        npm = ["npm", "pack", "--silent", NPM_PACKAGE, "--pack-destination", scratch]
        subprocess.run(npm, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        package = next(Path(scratch).glob("*.tgz"))
        if hashlib.sha256(package.read_bytes()).hexdigest() != NPM_SHA256:
            raise SystemExit(f"{NPM_PACKAGE} does not match its check sum.")
        _take(package, NPM_MEMBERS, work / "draft4")
        pinned = Path(scratch, "pinned.txt")
        pinned.write_text(SDIST + "\n", encoding="utf-8")
        options = ["--no-deps", "--require-hashes", "--no-binary", "jsonschema", "--quiet"]
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
        subprocess.run([*pip, *options, "-r", str(pinned), "-d", scratch], check=True)
        _take(next(Path(scratch).glob("jsonschema-*.tar.gz")), SDIST_MEMBERS, work / "draft2020-12")


def _take(archive: Path, folder: str, out: Path) -> None:
    """The JSON files of one folder of the archive, not those below it."""
    out.mkdir()
    with tarfile.open(archive) as file:
        for member in file.getmembers():
            path = Path(member.name)
            if path.parent.as_posix() == folder and path.suffix == ".json":
                content = file.extractfile(member)
                assert content is not None, "a file has content"
                (out / path.name).write_bytes(content.read())
