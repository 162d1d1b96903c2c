"""Installs the clients that people use, each kind once per machine, in the build cache.

They stay out of the project's own environment: they are many, large, and hold back each other's
versions. Lock files pin every version and hash.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from llamapack.image.folders import build_cache, fill_in_place
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import Environment

FOLDER = Path(__file__).resolve().parent
PYTHON_ENVIRONMENTS = ("current", "frameworks")
_NPM_FILES = ("package.json", "package-lock.json")
_PIP_OPTIONS = "--quiet --disable-pip-version-check --no-deps --require-hashes --no-compile"


def python_environment(name: str, report: Report) -> Environment:
    """The virtual environment of `lock/<name>.txt`; made when it is missing."""
    lock = FOLDER / "lock" / f"{name}.txt"
    key = _key(lock, ".".join(map(str, sys.version_info[:3])))
    environment = Environment(build_cache() / "environments" / f"clients-{name}-{key}", key)

    def fill(work: Path) -> None:
        venv.create(work, with_pip=True, symlinks=sys.platform != "win32")
        pip: list[str | Path] = [environment.python, "-m", "pip", "install"]
        options: list[str | Path] = [*_PIP_OPTIONS.split(), "--only-binary", ":all:", "-r", lock]
        run(f"Installing {lock.name}", [*pip, *options], environment=environment.variables())

    return Environment(_filled(environment.folder, fill, report), key)


def node_environment(source: Path, report: Report) -> Path:
    """The folder whose `node_modules` holds what `source/package.json` names; made when it is
    missing."""
    files = [source / name for name in _NPM_FILES]
    folder = build_cache() / "environments" / f"{source.parent.name}-node-{_key(*files)}"

    def fill(work: Path) -> None:
        for file in files:
            shutil.copy(file, work)
        npm = shutil.which("npm") or "npm"
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
        run(
            f"Installing the npm packages of {source.parent.name}",
            [npm, "ci", *options],
            folder=work,
        )

    return _filled(folder, fill, report)


def _filled(folder: Path, fill: Callable[[Path], None], report: Report) -> Path:
    def fill_and_tell(work: Path) -> None:
        report(f"Fetching {folder.name}, about a minute")
        watch = Stopwatch()
        fill(work)
        report(f"Fetched {folder.name} in {watch.seconds:.0f} s")

    return fill_in_place(folder, fill_and_tell)


def _key(lock: Path, *others: Path | str) -> str:
    """Twelve hex digits that change with the files, the texts and the operating system."""
    hasher = hashlib.sha256(sys.platform.encode())
    for one in (lock, *others):
        hasher.update(one.encode() if isinstance(one, str) else one.read_bytes())
    return hasher.hexdigest()[:12]


if __name__ == "__main__":
    for each in PYTHON_ENVIRONMENTS:
        python_environment(each, print)
    if shutil.which("npm"):
        node_environment(FOLDER / "node", print)
        node_environment(FOLDER.parent / "e2e" / "node", print)
