"""The portable llama-cpp-python wheel: every CPU variant, compiled by zig against an old glibc, on
macOS by the system's compiler for an old macOS.

Made once per machine under a key of everything that goes in, because it takes many minutes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.compilers import compiler_inputs, compiler_options
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.native_systems import native_system
from llamapack.image.sources import source_folder, source_line
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import Environment, lock_key, tool_environment
from llamapack.targets.types import Target

# Measured in tests/bench/README.md: without OpenMP, whose spinning threads collapse beside a busy
# process, and with one library per CPU generation, from which the runtime probes the fastest.
CMAKE_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DGGML_BACKEND_DL=ON",
    "-DGGML_CPU_ALL_VARIANTS=ON",
    "-DGGML_NATIVE=OFF",
    "-DGGML_RPC=ON",
    "-DGGML_OPENMP=OFF",
    "-DGGML_CCACHE=OFF",
    "-DCMAKE_INSTALL_BINDIR=llama_cpp/lib",
    "-DCMAKE_INSTALL_LIBDIR=llama_cpp/lib",
)
COMPILER_FLAGS = "-w"  # zig's libc++ warns by the ten thousand lines


@dataclass(frozen=True, slots=True)
class NativeWheel:
    """A built wheel and the facts about its sources that an image needs."""

    path: Path
    key: str
    architectures: frozenset[str]
    licenses: tuple[Path, ...]


def wheel_key(target: Target) -> str:
    """Sixteen hex digits over sources, tools, flags and target."""
    inputs = [
        target.name,
        target.library_triple,
        source_line("llama-cpp-python"),
        lock_key("tools"),
        *CMAKE_OPTIONS,
        COMPILER_FLAGS,
        *native_system(target).inputs,
        *compiler_inputs(target),
    ]
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:16]


def native_wheel(target: Target, report: Report) -> NativeWheel:
    """The wheel for `target`, compiled when it is missing. Raises ImageError."""
    key = wheel_key(target)

    def fill(work: Path) -> None:
        tools = tool_environment(report)
        source = source_folder("llama-cpp-python", tools, report)
        report("Compiling llama.cpp for every CPU generation: 10 to 25 minutes, once per computer")
        watch = Stopwatch()
        _compile(target, source, tools, work, report)
        (work / "facts.json").write_text(
            json.dumps({"architectures": sorted(architectures(source))})
        )
        _copy_licenses(source, work / "licenses")
        report(f"Compiled llama.cpp in {watch.seconds / 60:.1f} minutes")

    folder = fill_once(build_cache() / "wheels" / f"{target.name}-{key}", fill)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return NativeWheel(
        path=next(folder.glob("*.whl")),
        key=key,
        architectures=frozenset(facts["architectures"]),
        licenses=tuple(sorted((folder / "licenses").iterdir())),
    )


def _compile(target: Target, source: Path, tools: Environment, out: Path, report: Report) -> None:
    build = out / "build"
    build.mkdir()
    replacement = native_system(target).replacement
    if replacement is not None:
        source = shutil.copytree(source, build / "source", symlinks=True)
        replacement.apply(source / "vendor/llama.cpp")
    # The binding installs into its own source tree too; what an earlier build left would be packed.
    shutil.rmtree(source / "llama_cpp" / "lib", ignore_errors=True)
    run(
        "Compiling llama.cpp",
        [
            *(tools.python, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation"),
            *("--disable-pip-version-check", "--wheel-dir", out),
            *(f"-Ccmake.args={option}" for option in _cmake_arguments(target, tools, build)),
            source,
        ],
        environment=tools.variables() | {"CMAKE_GENERATOR": "Ninja"},
        report=report,
    )
    shutil.rmtree(build)


def _cmake_arguments(target: Target, tools: Environment, build: Path) -> list[str]:
    system = native_system(target)
    include = build / "project.cmake"
    include.write_text(system.include, encoding="utf-8")
    flags, link = COMPILER_FLAGS, system.link_flags
    if system.replacement is not None:
        flags += f" -fmacro-prefix-map={build / 'source'}=."  # assertions name their source file
    if system.hidden_symbols is not None:
        symbols = build / "hidden.map"
        symbols.write_text(system.hidden_symbols, encoding="utf-8")
        link = f"-Wl,--version-script={symbols} -s"
    compilers = [] if system.has_own_compiler else compiler_options(build, tools, target)
    return [
        *CMAKE_OPTIONS,
        *system.options,
        *compilers,
        f"-DCMAKE_C_FLAGS={flags}",
        f"-DCMAKE_CXX_FLAGS={flags}",
        f"-DCMAKE_SHARED_LINKER_FLAGS={link}",
        f"-DCMAKE_MODULE_LINKER_FLAGS={link}",
        f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={include}",
    ]


def architectures(source: Path) -> frozenset[str]:
    """The `general.architecture` names that these llama.cpp sources load.

    Read from the table LLM_ARCH_NAMES in src/llama-arch.cpp.
    """
    text = (source / "vendor/llama.cpp/src/llama-arch.cpp").read_text(encoding="utf-8")
    table = text.split("LLM_ARCH_NAMES = {", 1)[1].split("};", 1)[0]
    names = {line.split('"')[1] for line in table.splitlines() if '"' in line}
    return frozenset(names - {"clip", "(unknown)"})


def _copy_licenses(source: Path, folder: Path) -> None:
    folder.mkdir()
    for name, path in {
        "llama-cpp-python.txt": source / "LICENSE.md",
        "llama.cpp.txt": source / "vendor/llama.cpp/LICENSE",
    }.items():
        shutil.copyfile(path, folder / name)
