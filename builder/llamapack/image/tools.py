"""The tool environment: zig, cmake, ninja and the rest in a virtual environment in the cache.

Made from a lock file with hashes, once per machine, so that a packer's own environment needs
none of it and every machine compiles with the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.folders import build_cache, fill_in_place
from llamapack.image.interpreter import clean_variables
from llamapack.image.steps import Report, Stopwatch, run

LOCK_FOLDER = Path(__file__).resolve().parent / "lock"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment. `key` names the lock file and the Python that it was made from."""

    folder: Path
    key: str

    @property
    def programs(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def python(self) -> Path:
        return self.programs / ("python.exe" if sys.platform == "win32" else "python")

    @property
    def zig(self) -> tuple[str, ...]:
        return (str(self.python), "-m", "ziglang")

    def variables(self) -> dict[str, str]:
        """The process environment with this environment's programs first and no Python settings."""
        kept = clean_variables()
        return kept | {"PATH": f"{self.programs}{os.pathsep}{kept.get('PATH', '')}"}


def lock_key(name: str) -> str:
    """Twelve hex digits that change with the lock file `name` and with the running Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    inputs = (LOCK_FOLDER / f"{name}.txt").read_bytes() + f"{version} {sys.platform}".encode()
    return hashlib.sha256(inputs).hexdigest()[:12]


def tool_environment(report: Report) -> Environment:
    """The environment that compiles; made when it is missing."""
    return _environment("tools", report)


def _environment(name: str, report: Report) -> Environment:
    environment = Environment(
        build_cache() / "environments" / f"{name}-{lock_key(name)}", lock_key(name)
    )

    def fill(work: Path) -> None:
        report(f"Fetching the build tools ({name}), about a minute")
        watch = Stopwatch()
        make_environment(Environment(work, environment.key), name)
        report(f"Fetched the build tools ({name}) in {watch.seconds:.0f} s")

    fill_in_place(environment.folder, fill)
    return environment


def make_environment(environment: Environment, name: str) -> None:
    """Fill `environment.folder` from the lock file `name`; pip checks every hash."""
    venv.create(environment.folder, with_pip=True, symlinks=sys.platform != "win32")
    lock = LOCK_FOLDER / f"{name}.txt"
    pip: list[str | Path] = [environment.python, "-m", "pip", "install", "--quiet"]
    run(
        f"Installing {lock.name}",
        [
            *pip,
            "--require-hashes",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "-r",
            lock,
        ],
        environment=environment.variables(),
    )
