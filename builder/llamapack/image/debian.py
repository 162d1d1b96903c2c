"""Packages of another Debian suite as plain files in a folder: nothing is installed, and no root is
needed. apt fetches them from where this computer's own apt does, with lists of its own.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.errors import MissingPackagesError, StepError
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.steps import Report, run
from llamapack.image.tools import LOCK_FOLDER

PROGRAMS = ("apt-get", "dpkg-deb")
_FILES = "files"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class DebianLock:
    """`sums` has the SHA-256 of what is pinned, as NAME=VERSION or, of sources, as NAME; the rest
    is of any version."""

    suite: str
    packages: tuple[str, ...]
    sums: Mapping[str, str]

    def version(self, name: str) -> str:
        """Of a pinned package, as its authors count: without Debian's own revision."""
        pin = next(pin for pin in self.packages if pin.startswith(f"{name}="))
        return pin.partition("=")[2].rpartition("-")[0]


def read_lock(name: str) -> DebianLock:
    text = (LOCK_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    suite = next(words[1] for words in lines if words[0] == "suite")
    packages = [words for words in lines if words[0] != "suite"]
    sums = {words[0]: words[1].removeprefix("sha256:") for words in packages if len(words) > 1}
    return DebianLock(suite, tuple(words[0] for words in packages), sums)


def debian_packages(name: str, report: Report, architecture: str = "amd64") -> Path:
    """The folder with what the packages of the lock file `name` hold, `usr` and the rest. Raises
    MissingPackagesError where they cannot be had."""

    def fill(lock: DebianLock, work: Path) -> None:
        files = _fetch(lock, work, architecture, ("deb", "download"), report)
        for path in sorted(files.glob("*.deb")):
            run(f"unpacking {path.name}", ["dpkg-deb", "-x", path, work])

    ending = "" if architecture == "amd64" else f"-{architecture}"
    return _filled(name, ending, fill)


def debian_source(name: str, report: Report) -> Path:
    """The folder with the one file that the lock file `name` pins: what a source package's authors
    published, without Debian's changes. Raises MissingPackagesError as above."""

    def fill(lock: DebianLock, work: Path) -> None:
        files = _fetch(lock, work, "amd64", ("deb-src", "source", "--download-only"), report)
        for path in files.glob("*"):
            if hashlib.sha256(path.read_bytes()).hexdigest() in lock.sums.values():
                path.rename(work / path.name)

    return next(_filled(name, "", fill).iterdir())


def _filled(name: str, ending: str, fill: Callable[[DebianLock, Path], None]) -> Path:
    text = (LOCK_FOLDER / f"{name}.txt").read_bytes()
    key = hashlib.sha256(text).hexdigest()[:12]

    def fetch(work: Path) -> None:
        lock = read_lock(name)
        try:
            fill(lock, work)
        except StepError as error:
            why = error.last_line.removeprefix("E: ").rstrip(".")
            raise MissingPackagesError(f"{error.step} failed ({why})") from error
        shutil.rmtree(work / _FILES)

    return fill_once(build_cache() / "debian" / f"{name}{ending}-{key}", fetch)


def _fetch(
    lock: DebianLock, work: Path, architecture: str, how: tuple[str, ...], report: Report
) -> Path:
    """The folder with the files, each as it was pinned. `how`: a kind of source, and what apt-get
    is told to do with it."""
    missing = next((program for program in PROGRAMS if shutil.which(program) is None), None)
    if missing is not None:
        raise MissingPackagesError(f"there is no {missing} on this computer")
    report(f"Fetching {', '.join(pin.partition('=')[0] for pin in lock.packages)}")
    mirror, own, files = _mirror(), work / "apt", work / _FILES
    for folder in (own / "lists/partial", own / "archives/partial", files):
        folder.mkdir(parents=True)
    kind, *command = how
    source = f"{kind} [signed-by={_KEYRING}] {mirror} {lock.suite} main\n"
    (own / "sources.list").write_text(source, encoding="utf-8")
    apt = ["apt-get", "-q", *(f"-o{setting}" for setting in _settings(own, architecture))]
    run(f"fetching the list of Debian {lock.suite}'s packages", [*apt, "update"])
    run("fetching its packages", [*apt, *command, *lock.packages], folder=files)
    shutil.rmtree(own)
    _check(lock, files)
    return files


def _settings(own: Path, architecture: str) -> Sequence[str]:
    """Everything of apt's own elsewhere than the system's."""
    return (
        f"Dir::Etc::SourceList={own}/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State={own}",
        "Dir::State::status=/dev/null",
        f"Dir::Cache={own}",
        f"APT::Architecture={architecture}",
        f"APT::Architectures={architecture}",
        "APT::Sandbox::User=",
        "Acquire::Languages=none",
        "APT::Update::Error-Mode=any",
    )


def _mirror() -> str:
    """Where this computer's apt has its own suite from; MissingPackagesError if it has none."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Component: main"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    places = dict(line.split(maxsplit=1) for line in reversed(listed.splitlines()))
    suite = system.get("VERSION_CODENAME", "")
    if system.get("ID") != "debian" or suite not in places:
        raise MissingPackagesError("this computer's apt does not name an archive of Debian's")
    return str(places[suite])


def _check(lock: DebianLock, files: Path) -> None:
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files.glob("*")}
    for pin, digest in lock.sums.items():
        if digest not in found:
            raise MissingPackagesError(f"Debian's {pin} has another check sum than it should")
