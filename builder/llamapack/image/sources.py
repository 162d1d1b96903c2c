"""Source distributions that are compiled: fetched once, pinned, checked by hash, unpacked."""

from __future__ import annotations

from pathlib import Path

from llamapack.image.errors import ImageError
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.steps import Report, run
from llamapack.image.tools import LOCK_FOLDER, Environment
from llamapack.image.unpacking import unpack


def source_line(name: str) -> str:
    """The pinned line of a source distribution: `name==version --hash=sha256:...`."""
    for line in (LOCK_FOLDER / "sources.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line
    raise AssertionError(f"{name} is not pinned in sources.txt")


def source_version(name: str) -> str:
    return source_line(name).split("==")[1].split()[0]


def source_folder(name: str, tools: Environment, report: Report) -> Path:
    """The unpacked sources of `name`. Fetched with pip, which refuses any other bytes."""
    version = source_version(name)

    def fill(work: Path) -> None:
        report(f"Fetching the sources of {name} {version}")
        pinned = work / "pinned.txt"
        pinned.write_text(source_line(name) + "\n", encoding="utf-8")
        options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
        command: list[str | Path] = [tools.python, "-m", "pip", "download", "--quiet", *options]
        run(
            f"Fetching {name} {version}",
            [*command, "--disable-pip-version-check", "-r", pinned, "-d", work],
            environment=tools.variables(),
        )
        archive = next(work.glob("*.tar.gz"))
        unpack(archive, work)
        archive.unlink()

    folder = fill_once(build_cache() / "sources" / f"{name}-{version}", fill)
    unpacked = [path for path in folder.iterdir() if path.is_dir()]
    if len(unpacked) != 1:
        raise ImageError(f"The sources in {folder} are damaged; remove that folder and try again.")
    return unpacked[0]
