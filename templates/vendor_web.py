"""Refresh the chat page's JavaScript libraries from npm, at the versions pinned in versions.json.

Needs `npm` on the PATH, nothing else beyond the standard library. Every archive is checked against
the SHA-512 that versions.json holds before a byte of it is used.
"""

import argparse
import base64
import hashlib
import io
import json
import logging
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

VENDOR = Path(__file__).resolve().parent / "web" / "vendor"
LOCK = VENDOR / "versions.json"
log = logging.getLogger("vendor_web")


class VendorError(Exception):
    """A library could not be fetched, or is not what versions.json promises."""


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package and the files taken from it: path in the archive -> path below `folder`."""

    name: str
    version: str
    license: str
    integrity: str
    folder: str
    files: dict[str, str]


def read_lock() -> list[Package]:
    """The packages that versions.json lists."""
    return [Package(**entry) for entry in json.loads(LOCK.read_text("utf-8"))["packages"]]


def write_lock(packages: list[Package]) -> None:
    """Write versions.json in the order and form in which it is read."""
    entries = [{name: getattr(p, name) for name in Package.__slots__} for p in packages]
    LOCK.write_text(json.dumps({"packages": entries}, indent=2) + "\n", "utf-8")


def fetch(name: str, version: str) -> tuple[str, bytes]:
    """The exact version and the .tgz bytes of `name@version`, as `npm pack` delivers them."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError("npm was not found; install Node.js, which brings it.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--json", "--ignore-scripts", f"{name}@{version}"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise VendorError(f"npm pack {name}@{version} failed: {result.stderr.strip()}")
        answer = json.loads(result.stdout)[0]
        archives = list(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise VendorError(f"npm pack {name}@{version} left {len(archives)} archives, not one.")
        return str(answer["version"]), archives[0].read_bytes()


def integrity_of(archive: bytes) -> str:
    """The Subresource-Integrity form of SHA-512, which npm's lock files use as well."""
    return "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode("ascii")


def take_files(package: Package, archive: bytes) -> dict[Path, bytes]:
    """The wanted files of an archive: path below `vendor/` -> content."""
    taken: dict[Path, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for source, target in package.files.items():
            try:
                member = tar.extractfile(f"package/{source}")
            except KeyError:
                member = None
            if member is None:
                raise VendorError(f"{package.name} {package.version} has no file {source}.")
            taken[Path(package.folder) / target] = member.read()
    return taken


def refresh(package: Package, *, latest: bool) -> tuple[Package, dict[Path, bytes]]:
    """Fetch one package; with `latest` the pin moves, otherwise the archive must match it."""
    version, archive = fetch(package.name, "latest" if latest else package.version)
    found = integrity_of(archive)
    if not latest and found != package.integrity:
        raise VendorError(
            f"{package.name} {version} is not the pinned archive: expected {package.integrity}, "
            f"got {found}. Find out why before changing versions.json."
        )
    moved = replace(package, version=version, integrity=found)
    return moved, take_files(moved, archive)


def differing(files: dict[Path, bytes]) -> list[Path]:
    """Those files whose copy under `vendor/` is missing or not the same."""
    return [
        path
        for path, content in files.items()
        if not (VENDOR / path).is_file() or (VENDOR / path).read_bytes() != content
    ]


def run(*, check: bool, latest: bool) -> None:
    """Fetch all packages, then compare (`check`) or write them; writes only once all are in."""
    refreshed = [refresh(package, latest=latest) for package in read_lock()]
    files = {path: content for _, taken in refreshed for path, content in taken.items()}
    changed = differing(files)
    if check and changed:
        names = ", ".join(map(str, changed))
        raise VendorError(f"Not as versions.json says: {names}. Run this without --check.")
    for path in changed:
        (VENDOR / path).parent.mkdir(parents=True, exist_ok=True)
        (VENDOR / path).write_bytes(files[path])
    if latest:
        write_lock([package for package, _ in refreshed])
    total = sum(map(len, files.values()))
    log.info("%d files, %d bytes, %d changed", len(files), total, len(changed))


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare only, write nothing")
    mode.add_argument("--latest", action="store_true", help="move the pins to the latest versions")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run(check=arguments.check, latest=arguments.latest)
    except VendorError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
