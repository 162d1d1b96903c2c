"""The GEMM library: our ggml backend over OpenBLAS, which computes what llama.cpp's CPU code does
one token after the other. Compiled in seconds against the libraries of the native wheel."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llamapack.image.folders import build_cache, fill_once
from llamapack.image.project import digest, gemm_source
from llamapack.image.sources import source_folder
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER, Environment, tool_environment
from llamapack.image.wheel import NativeWheel
from llamapack.targets.types import Target

_TARGETS = ("linux-x86_64",)
LIBRARY = "libggml-gemm.so"
_OPENBLAS = "libscipy_openblas.so"
_BASE = "libggml-base.so.0"
_LOCK = LOCK_FOLDER / "gemm.txt"
_FLAGS = (
    *("-std=c++20", "-O2", "-g0", "-DNDEBUG", "-fPIC", "-shared", "-s"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unused-command-line-argument"),
    *("-DGGML_BACKEND_DL", "-DGGML_BACKEND_SHARED", "-DGGML_BACKEND_BUILD", "-DGGML_SHARED"),
    "-Wl,-rpath,$ORIGIN",
)
# zig's own libc++ is inside; nothing of it may meet that of the other libraries.
_SYMBOLS = "{ global: ggml_backend_init; local: *; };\n"


@dataclass(frozen=True, slots=True)
class GemmLibrary:
    """`libraries` go beside llama.cpp's, and `versions` are of what they hold. There are none where
    it was not tried for speed."""

    libraries: tuple[Path, ...] = ()
    licenses: tuple[Path, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def gemm_inputs(target: Target) -> str:
    """Changes with everything that goes in besides the native wheel."""
    if target.name not in _TARGETS:
        return ""
    return "\n".join([target.name, *_FLAGS, _SYMBOLS, _LOCK.read_text(), digest([gemm_source()])])


def gemm_library(target: Target, wheel: NativeWheel, report: Report) -> GemmLibrary:
    """The library for `target` and what it is linked to, compiled when missing. Raises
    StepError."""
    if target.name not in _TARGETS:
        return GemmLibrary()
    key = hashlib.sha256(f"{wheel.key}\n{gemm_inputs(target)}".encode()).hexdigest()[:16]

    def fill(work: Path) -> None:
        tools = tool_environment(report)
        source = source_folder("llama-cpp-python", tools, report)
        report("Compiling the GEMM library, some seconds")
        watch = Stopwatch()
        packages = work / "packages"
        _install_openblas(tools, packages)
        shutil.move(packages / "scipy_openblas32/lib" / _OPENBLAS, work / _OPENBLAS)
        shutil.copyfile(next(packages.glob("*.dist-info/licenses/LICENSE*")), work / "openblas.txt")
        _compile(target, tools, source / "vendor/llama.cpp/ggml", wheel.path, work)
        shutil.rmtree(packages)
        report(f"Compiled the GEMM library in {watch.seconds:.0f} s")

    folder = fill_once(build_cache() / "gemm" / f"{target.name}-{key}", fill)
    return GemmLibrary(
        libraries=(folder / LIBRARY, folder / _OPENBLAS),
        licenses=(folder / "openblas.txt",),
        versions=_locked_version(),
    )


def _locked_version() -> dict[str, str]:
    name, version = _LOCK.read_text(encoding="utf-8").split()[0].split("==")
    return {name: version}


def _install_openblas(tools: Environment, packages: Path) -> None:
    pip = (tools.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    options = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", _LOCK)
    run(
        "Fetching OpenBLAS",
        [*pip, *options, "--target", packages],
        environment=tools.variables(),
    )


def _compile(target: Target, tools: Environment, ggml: Path, wheel: Path, work: Path) -> None:
    symbols, base = work / "symbols.map", work / _BASE
    symbols.write_text(_SYMBOLS, encoding="utf-8")
    with zipfile.ZipFile(wheel) as archive:
        base.write_bytes(archive.read(f"llama_cpp/lib/{_BASE}"))
    includes = (ggml / "include", ggml / "src", work / "packages/scipy_openblas32/include")
    run(
        "Compiling the GEMM library",
        [
            *tools.zig,
            *("c++", "-target", target.library_triple, *_FLAGS),
            *(f"-isystem{folder}" for folder in includes),
            f"-Wl,--version-script={symbols}",
            *(gemm_source() / "gemm.cpp", base, work / _OPENBLAS),
            *("-o", work / LIBRARY),
        ],
        environment=tools.variables(),
    )
    symbols.unlink()
    base.unlink()
