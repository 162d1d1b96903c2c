"""The Vulkan library: llama.cpp's backend for graphics processors, compiled for itself against the
libraries of the native wheel.

It needs the Vulkan loader of the computer that it runs on, and nothing else in an image does, so
that a computer without one fails to load this library alone.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.compilers import compiler_options
from llamapack.image.debian import debian_packages, read_lock
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.project import digest, vulkan_source
from llamapack.image.sources import source_folder
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER, Environment, tool_environment
from llamapack.image.wheel import NativeWheel
from llamapack.targets.types import Target

VULKAN = "vulkan"  # as facts and manifests name it
LIBRARY = "libggml-vulkan.so"
VERSIONED = "vulkan-headers"
LICENSES = (f"{VERSIONED}.txt", "spirv-headers.txt")
_BASE = "libggml-base.so.0"
_LOADER = "libvulkan.so.1"
_LOCK = VULKAN
_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
    "-DCMAKE_INSTALL_RPATH=$ORIGIN",
)
# zig's own libc++ is inside; nothing of it may meet that of the other libraries.
_SYMBOLS = "{ global: ggml_backend_init; local: *; };\n"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_GLSLC = """#!/bin/sh
# With the C library that it was compiled for.
exec '{libraries}/ld-linux-x86-64.so.2' --library-path '{libraries}' '{program}' "$@"
"""


@dataclass(frozen=True, slots=True)
class VulkanLibrary:
    """`library` goes beside llama.cpp's. `versions` are of what was compiled into it."""

    library: Path
    licenses: tuple[Path, ...]
    versions: dict[str, str]


def vulkan_inputs(target: Target) -> str:
    """Changes with everything that goes in besides the native wheel."""
    lock = (LOCK_FOLDER / f"{_LOCK}.txt").read_text(encoding="utf-8")
    source = digest([vulkan_source()])
    return "\n".join([target.name, target.library_triple, *_OPTIONS, _SYMBOLS, lock, source])


def vulkan_library(target: Target, wheel: NativeWheel, report: Report) -> VulkanLibrary:
    """The library for `target`, compiled when it is missing. Raises MissingPackagesError where what
    compiles it cannot be had, else StepError."""
    key = hashlib.sha256(f"{wheel.key}\n{vulkan_inputs(target)}".encode()).hexdigest()[:16]

    def fill(work: Path) -> None:
        packages = debian_packages(_LOCK, report)
        tools = tool_environment(report)
        ggml = source_folder("llama-cpp-python", tools, report) / "vendor/llama.cpp/ggml"
        report("Compiling the Vulkan library: 3 to 6 minutes, once per computer")
        watch = Stopwatch()
        _compile(target, tools, packages, ggml, wheel.path, work, report)
        _copy_licenses(packages, work)
        report(f"Compiled the Vulkan library in {watch.seconds / 60:.1f} minutes")

    folder = fill_once(build_cache() / "vulkan" / f"{target.name}-{key}", fill)
    lock = read_lock(_LOCK)
    return VulkanLibrary(
        library=folder / LIBRARY,
        licenses=tuple(folder / name for name in LICENSES),
        versions={VERSIONED: lock.version("libvulkan-dev")},
    )


def _compile(
    target: Target,
    tools: Environment,
    packages: Path,
    ggml: Path,
    wheel: Path,
    out: Path,
    report: Report,
) -> None:
    work = out / "work"
    work.mkdir()
    variables = tools.variables() | {"CMAKE_GENERATOR": "Ninja"}
    compilers = compiler_options(work, tools, target)
    # llama.cpp's own program that makes sources of the shaders runs here: CMake gives it these.
    variables |= {"CC": str(work / "cc"), "CXX": str(work / "c++")}
    with zipfile.ZipFile(wheel) as archive:
        (work / _BASE).write_bytes(archive.read(f"llama_cpp/lib/{_BASE}"))
    (work / "symbols.map").write_text(_SYMBOLS, encoding="utf-8")
    step = "Compiling the Vulkan library"
    loader = ("-shared", f"-Wl,-soname,{_LOADER}", "-o", work / _LOADER)
    run(step, [work / "cc", *loader, vulkan_source() / "loader.c"], environment=variables)
    places = {
        # Messages name source files, which are not to tell where they were.
        "CMAKE_CXX_FLAGS": f"-w -ffile-prefix-map={ggml}=ggml -ffile-prefix-map={work}=build",
        "GGML": ggml,
        "GGML_BASE": work / _BASE,
        "CMAKE_MODULE_LINKER_FLAGS": f"-s -Wl,-z,defs -Wl,--version-script={work / 'symbols.map'}",
        "Vulkan_GLSLC_EXECUTABLE": _glslc(packages, work / "glslc"),
        "Vulkan_INCLUDE_DIR": packages / "usr/include",
        "Vulkan_LIBRARY": work / _LOADER,
        "SPIRV-Headers_DIR": packages / "usr/share/cmake/SPIRV-Headers",
    }
    options = [*_OPTIONS, *compilers, *(f"-D{name}={value}" for name, value in places.items())]
    build = work / "build"
    cmake = tools.programs / "cmake"
    run(step, [cmake, "-S", vulkan_source(), "-B", build, *options], environment=variables)
    run(step, [cmake, "--build", build], environment=variables, report=report)
    shutil.move(next(build.rglob(LIBRARY)), out / LIBRARY)
    shutil.rmtree(work)


def _glslc(packages: Path, path: Path) -> Path:
    """A program that starts Debian's compiler of shaders."""
    text = _GLSLC.format(libraries=packages / _LIBRARIES, program=packages / "usr/bin/glslc")
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _copy_licenses(packages: Path, out: Path) -> None:
    """What the headers bring into the library. Debian names the Apache licence and has its text
    in one place."""
    documents = packages / "usr/share/doc"
    apache = Path("/usr/share/common-licenses/Apache-2.0").read_text(encoding="utf-8")
    vulkan = (documents / "libvulkan-dev/copyright").read_text(encoding="utf-8")
    (out / LICENSES[0]).write_text(f"{vulkan}\n\n{apache}", encoding="utf-8")
    shutil.copyfile(documents / "spirv-headers/copyright", out / LICENSES[1])
