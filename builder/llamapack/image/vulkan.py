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

from llamapack.image.compilers import compiler_options, compiler_programs
from llamapack.image.debian import debian_packages, read_lock
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.native_systems import native_system
from llamapack.image.project import digest, vulkan_source
from llamapack.image.sources import source_folder
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER, Environment, tool_environment
from llamapack.image.vulkan_systems import vulkan_system
from llamapack.image.wheel import NativeWheel
from llamapack.targets.host import host_target
from llamapack.targets.table import target_named
from llamapack.targets.types import Target

VULKAN = "vulkan"  # as facts and manifests name it
VERSIONED = "vulkan-headers"
LICENSES = (f"{VERSIONED}.txt", "spirv-headers.txt")
_LOCK = VULKAN
_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
    "-DCMAKE_INSTALL_RPATH=$ORIGIN",
)
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
    inputs = [*_OPTIONS, *vulkan_system(target).inputs, lock, source]
    return "\n".join([target.name, target.library_triple, *inputs])


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
        library=folder / vulkan_system(target).library,
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
    system, native = vulkan_system(target), native_system(target)
    if native.replacement is not None:
        ggml = shutil.copytree(ggml, work / "ggml")
        native.replacement.apply(work, "ggml/")
    with zipfile.ZipFile(wheel) as archive:
        (work / system.base).write_bytes(archive.read(f"llama_cpp/lib/{system.base}"))
    include, nothing = work / "project.cmake", work / "nothing.cmake"
    nothing.touch()
    include.write_text(native.include + system.include, encoding="utf-8")
    values = {
        # Messages name source files, which are not to tell where they were.
        "CMAKE_CXX_FLAGS": f"-w -ffile-prefix-map={ggml}=ggml -ffile-prefix-map={work}=build",
        "CMAKE_PROJECT_llamapack-vulkan_INCLUDE": include,
        "GGML": ggml,
        "GGML_BASE": work / system.base,
        "CMAKE_MODULE_LINKER_FLAGS": system.link(work),
        "GGML_VULKAN_SHADERS_GEN_TOOLCHAIN": nothing,  # the compilers are in the environment
        "Vulkan_GLSLC_EXECUTABLE": _glslc(packages, work / "glslc"),
        "Vulkan_INCLUDE_DIR": packages / "usr/include",
        "Vulkan_LIBRARY": system.stand_in(work, tools, target),
        "SPIRV-Headers_DIR": packages / "usr/share/cmake/SPIRV-Headers",
    }
    compilers = compiler_options(work, tools, target)
    options = [
        *native.options,
        *compilers,
        *(f"-D{name}={value}" for name, value in values.items()),
    ]
    step, build = "Compiling the Vulkan library", work / "build"
    cmake, variables = tools.programs / "cmake", _variables(tools, work / "host")
    run(
        step,
        [cmake, "-S", vulkan_source(), "-B", build, *_OPTIONS, *options],
        environment=variables,
    )
    run(step, [cmake, "--build", build], environment=variables, report=report)
    shutil.move(next(build.rglob(system.library)), out / system.library)
    shutil.rmtree(work)


def _variables(tools: Environment, folder: Path) -> dict[str, str]:
    """With compilers for this computer, where llama.cpp's own program that makes sources of the
    shaders runs."""
    folder.mkdir()
    programs = compiler_programs(folder, tools, target_named(host_target()))
    own = {"CC": str(programs["C_COMPILER"]), "CXX": str(programs["CXX_COMPILER"])}
    return tools.variables() | own | {"CMAKE_GENERATOR": "Ninja"}


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
