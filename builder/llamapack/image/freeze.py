"""Freezes llamapack_runtime with PyInstaller: a folder that runs where no Python is."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from llamapack.image.interpreter import Interpreter
from llamapack.image.licenses import copy_licenses
from llamapack.image.mac_libraries import copy_dylibs
from llamapack.image.project import launch_script, runtime_source, web_source
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER
from llamapack.targets.types import System

PROGRAM = "llamapack-runtime"
LIBRARY_FOLDER = "llama_cpp/lib"

# Libraries of the wheel that nothing here loads.
UNUSED = frozenset(["libllama-common", "libggml-rpc", "ggml-rpc"])
# Large or never used by the runtime; PyInstaller would follow an optional import to them.
EXCLUDED = (
    *("numpy", "diskcache", "tkinter", "unittest", "pydoc", "doctest", "pdb", "lib2to3"),
    *("setuptools", "pkg_resources", "pip", "wheel", "ensurepip", "distutils", "curses", "test"),
    *("multiprocessing", "xmlrpc", "ftplib", "imaplib", "smtplib", "trio", "uvloop", "httptools"),
    *("websockets", "wsproto", "watchfiles", "yaml", "dotenv", "python_multipart", "itsdangerous"),
)
# Packages of which the Python alone is kept: compiled, charset-normalizer would be 0.2 MB more in
# each pack, to save some 10 ms with a text in an old encoding.
PYTHON_ALONE = ("charset_normalizer",)
# The same bytes each time; and modules that are not packed one by one, for the image is packed as
# a whole, which finds what they have in common (1.9 MB less).
PYINSTALLER_SETTINGS = {
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "0",
    "PYINSTALLER_ZLIB_COMPRESSION_LEVEL": "0",
}
# Chosen by name at run time, so that PyInstaller cannot see them.
HIDDEN = (
    "llama_cpp.llama_cpp",
    "llama_cpp.mtmd_cpp",
    "llguidance.gbnf_to_lark",
    "uvicorn.lifespan.off",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "anyio._backends._asyncio",
)


def freeze(
    system: System,
    interpreter: Interpreter,
    packages: Path,
    libraries: Iterable[Path],
    out: Path,
    licenses: Path,
    report: Report,
) -> None:
    """Fill `out` with the frozen program, `llamapack-runtime`, and its `_internal` folder.

    `out` is made by this function. `packages` are what `interpreter` imports, llama-cpp-python
    among them, whose libraries go in; `libraries` are put beside them.
    The licence texts of what was frozen are added to the folder `licenses`.
    """
    work = out.with_name(out.name + ".freeze")
    report("Freezing the runtime with PyInstaller, about a minute")
    watch = Stopwatch()
    for name in PYTHON_ALONE:
        _remove_compiled(packages / name)
    # Python's own libraries for Windows hold nothing to strip.
    _run_pyinstaller(interpreter, packages, work, () if system == "windows" else ("--strip",))
    shutil.move(work / "dist" / PROGRAM, out)
    copiers = {"windows": _copy_dlls, "macos": copy_dylibs}
    copy = copiers.get(system, _copy_libraries)
    copy(packages / "llama_cpp" / "lib", out / "_internal" / LIBRARY_FOLDER)
    for path in libraries:
        shutil.copyfile(path, out / "_internal" / LIBRARY_FOLDER / path.name)
    copy_licenses(packages, interpreter.licenses, licenses)
    shutil.rmtree(work)
    report(f"Froze the runtime in {watch.seconds:.0f} s")


def _remove_compiled(package: Path) -> None:
    """The modules that were compiled from Python files, which are beside them."""
    for path in (*package.rglob("*.so"), *package.rglob("*.pyd")):
        assert (path.parent / f"{path.name.partition('.')[0]}.py").exists(), f"{path} has no source"
        path.unlink()


def _run_pyinstaller(
    interpreter: Interpreter, packages: Path, work: Path, options: tuple[str, ...]
) -> None:
    own = interpreter.own_path
    work.mkdir()
    run(
        "Freezing the runtime",
        [
            *(*interpreter.command, "-m", "PyInstaller", "--noconfirm", "--onedir", *options),
            *("--log-level", "WARN", "--name", PROGRAM, "--optimize", "1"),
            *("--copy-metadata", "llguidance"),  # it asks for its own version when it is imported
            *("--paths", own(runtime_source()), "--add-data", f"{own(web_source())}:web"),
            *("--workpath", own(work / "build"), "--distpath", own(work / "dist")),
            *("--specpath", own(work)),
            *(f"--exclude-module={name}" for name in EXCLUDED),
            *(f"--hidden-import={name}" for name in HIDDEN),
            own(launch_script()),
        ],
        environment=interpreter.environment(packages) | PYINSTALLER_SETTINGS,
        folder=work,
    )


def _copy_libraries(source: Path, target: Path) -> None:
    """One copy of each native library, under the name that the others are linked to.

    pip turns `libx.so`, `libx.so.0` and `libx.so.0.1.2` into three files, and a process that
    loads two of them has two registries.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in sorted(source.glob("*.so*")):
        base, _, version = path.name.partition(".so")
        has_versions = (source / f"{base}.so.0").exists()
        if base in UNUSED or has_versions != (version == ".0"):
            continue
        shutil.copyfile(path, target / path.name)
    # The binding looks for this name; a link, so that there is one library.
    (target / "libllama.so").symlink_to("libllama.so.0")
    for name in ("libggml.so", "libmtmd.so"):
        if (target / f"{name}.0").exists():
            (target / name).symlink_to(f"{name}.0")


def _copy_dlls(source: Path, target: Path) -> None:
    """One file for each library, as the linker wrote it; what links to them stays behind."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in sorted(source.glob("*.dll")):
        if path.stem not in UNUSED:
            shutil.copyfile(path, target / path.name)


def locked_versions() -> dict[str, str]:
    """The versions of everything that goes into the frozen runtime, from its lock file."""
    lines = (LOCK_FOLDER / "freeze.txt").read_text(encoding="utf-8").splitlines()
    pinned = (line.split(" ")[0] for line in lines if "==" in line and not line.startswith(" "))
    return dict(sorted(tuple(pin.split("==", 1)) for pin in pinned))  # type: ignore[misc]  # pairs
