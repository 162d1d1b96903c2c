"""The runtime's packages for a target, installed by the tools' pip: no Python of it runs."""

from __future__ import annotations

import zipfile
from pathlib import Path

from llamapack.image.steps import run
from llamapack.image.tools import LOCK_FOLDER, Environment
from llamapack.targets.types import System, Target

# As Python's `sys.platform` calls them, which is what the lock file's conditions name.
_PLATFORMS: dict[System, str] = {"linux": "linux", "windows": "win32", "macos": "darwin"}


def install_packages(
    tools: Environment, target: Target, python_version: str, wheel: Path, folder: Path
) -> None:
    """Make `folder` with what freeze.txt pins for `target`, and with the llama-cpp-python `wheel`.

    pip checks every hash, and takes wheels alone. The binding's `__init__` imports numpy and every
    chat format. The runtime uses none of it, so an empty one takes its place and PyInstaller
    follows `llama_cpp.llama_cpp` alone.
    """
    folder.mkdir(parents=True)
    lock = folder.with_suffix(".txt")
    lock.write_text("\n".join(requirements(target.system)) + "\n", encoding="utf-8")
    kinds = [word for name in target.wheel_platforms for word in ("--platform", name)]
    run(
        f"Installing the packages for {target.name}",
        [
            *(tools.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:"),
            *("--implementation", "cp", "--python-version", python_version, *kinds),
            *("--target", folder, "-r", lock),
        ],
        environment=tools.variables(),
    )
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    (folder / "llama_cpp" / "__init__.py").write_text("", encoding="utf-8")


def requirements(system: System) -> list[str]:
    """The lines of freeze.txt that are meant for `system`, each without its condition: pip would
    answer that for the computer it runs on."""
    kept = []
    wanted = True
    for line in (LOCK_FOLDER / "freeze.txt").read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.startswith(" "):
            pinned, _, condition = line.removesuffix("\\").partition(";")
            wanted = not condition or _holds(condition.strip(), system)
            line = f"{pinned.strip()} \\"
        if wanted:
            kept.append(line)
    return kept


def _holds(condition: str, system: System) -> bool:
    name, _, value = condition.partition(" == ")
    assert name == "sys_platform", (
        f"freeze.txt has a condition that nothing here reads: {condition}"
    )
    return value.strip("'\"") == _PLATFORMS[system]
