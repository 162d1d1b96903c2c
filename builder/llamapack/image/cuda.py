"""The CUDA library: llama.cpp's backend for NVIDIA's graphics processors, compiled for itself
against the libraries of the native wheel, and NVIDIA's libraries that it computes with.

It needs the driver of the computer that it runs on, so that one without fails to load this library
alone. NVIDIA's compiler wants gcc and its C++ library, so that it may need a newer glibc than the
rest of an image does; then, too, it fails alone.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from llamapack.image.errors import ImageError
from llamapack.image.folders import build_cache, fill_once
from llamapack.image.project import cuda_source, digest
from llamapack.image.sources import source_folder
from llamapack.image.steps import Report, Stopwatch, run
from llamapack.image.tools import LOCK_FOLDER, Environment, tool_environment
from llamapack.image.wheel import NativeWheel
from llamapack.targets.types import Target

CUDA = "cuda"  # as facts and manifests name it
LIBRARY = "libggml-cuda.so"
NVIDIAS = ("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13")
LICENSES = ("cuda.txt",)
_LOCK = CUDA
_TOOLKIT = "nvidia/cu13"
_BASE = "libggml-base.so.0"
_DRIVER = "libcuda.so.1"
# Turing and Ampere: the driver translates them for every later processor, once, at first use.
_ARCHITECTURES = ("75-virtual", "80-virtual")
_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
    "-DCMAKE_INSTALL_RPATH=$ORIGIN",
    "-DCMAKE_CUDA_RUNTIME_LIBRARY=Shared",
    f"-DCMAKE_CUDA_ARCHITECTURES={';'.join(_ARCHITECTURES)}",
)
# The C++ library is inside; nothing of it may meet that of the other libraries.
_SYMBOLS = "{ global: ggml_backend_init; local: *; };\n"


@dataclass(frozen=True, slots=True)
class CudaLibrary:
    """`libraries` go beside llama.cpp's. `versions` are of what is in them."""

    libraries: tuple[Path, ...]
    licenses: tuple[Path, ...]
    versions: dict[str, str]


def cuda_inputs() -> str:
    """Changes with everything that goes in besides the native wheel."""
    lock = (LOCK_FOLDER / f"{_LOCK}.txt").read_text(encoding="utf-8")
    return "\n".join([*_OPTIONS, _SYMBOLS, lock, digest([cuda_source()])])


def require_compilers() -> None:
    """What NVIDIA's compiler and cmake call, and PyPI does not have. ImageError."""
    missing = [f"'{program}'" for program in ("gcc", "g++") if shutil.which(program) is None]
    if missing:
        raise ImageError(
            f"CUDA is compiled with gcc and g++, and {' and '.join(missing)} cannot be found here; "
            "install the Debian package g++, which brings both, and try again."
        )


def cuda_library(target: Target, wheel: NativeWheel, report: Report) -> CudaLibrary:
    """The library for this computer, `target`, compiled when it is missing. ImageError where it
    cannot be."""
    key = hashlib.sha256(f"{wheel.key}\n{cuda_inputs()}".encode()).hexdigest()[:16]
    tools = tool_environment(report)

    def fill(work: Path) -> None:
        toolkit = _toolkit(tools, report)
        ggml = source_folder("llama-cpp-python", tools, report) / "vendor/llama.cpp/ggml"
        report("Compiling the CUDA library: 25 minutes on two free cores, once per computer")
        watch = Stopwatch()
        _compile(tools, toolkit, ggml, wheel.path, work, report)
        report(f"Compiled the CUDA library in {watch.seconds / 60:.0f} minutes")

    folder = fill_once(build_cache() / "cuda" / f"{target.name}-{key}", fill)
    toolkit = _toolkit(tools, report)
    return CudaLibrary(
        libraries=(folder / LIBRARY, *(toolkit / "lib" / name for name in NVIDIAS)),
        licenses=(toolkit / LICENSES[0],),
        versions={name: _version(name) for name in ("nvidia-cublas", "nvidia-cuda-runtime")},
    )


def _version(package: str) -> str:
    lines = (LOCK_FOLDER / f"{_LOCK}.txt").read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1].split()[0] for line in lines if line.startswith(package + "=="))


def _toolkit(tools: Environment, report: Report) -> Path:
    """NVIDIA's compiler, headers and libraries, laid out as its programs want them."""
    lock = LOCK_FOLDER / f"{_LOCK}.txt"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]

    def fill(work: Path) -> None:
        report("Fetching NVIDIA's compiler and libraries: 0.5 GB, once per computer")
        watch = Stopwatch()
        options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]
        command: list[str | Path] = [tools.python, "-m", "pip", "install", "--quiet", *options]
        run(
            "Fetching NVIDIA's compiler",
            [*command, "--disable-pip-version-check", "-r", lock, "--target", work],
            environment=tools.variables(),
        )
        root = work / _TOOLKIT
        (root / "lib64").symlink_to("lib")
        for path in sorted((root / "lib").glob("*.so.*")):
            (root / "lib" / f"{path.name.partition('.so')[0]}.so").symlink_to(path.name)
        texts = sorted(work.glob("nvidia_cu*.dist-info/**/License.txt"))
        (root / LICENSES[0]).write_bytes(texts[0].read_bytes())
        report(f"Fetched NVIDIA's compiler in {watch.seconds:.0f} s")

    return fill_once(build_cache() / "cuda" / f"toolkit-{key}", fill) / _TOOLKIT


def _compile(
    tools: Environment, toolkit: Path, ggml: Path, wheel: Path, out: Path, report: Report
) -> None:
    work = out / "work"
    work.mkdir()
    variables = tools.variables() | {"CMAKE_GENERATOR": "Ninja", "CC": "gcc", "CXX": "g++"}
    with zipfile.ZipFile(wheel) as archive:
        (work / _BASE).write_bytes(archive.read(f"llama_cpp/lib/{_BASE}"))
    (work / "symbols.map").write_text(_SYMBOLS, encoding="utf-8")
    step = "Compiling the CUDA library"
    driver = ("-shared", f"-Wl,-soname,{_DRIVER}", "-o", work / _DRIVER)
    run(step, ["gcc", *driver, cuda_source() / "driver.c"], environment=variables)
    # Messages name source files, which are not to tell where they were.
    prefixes = (f"-ffile-prefix-map={ggml}=ggml", f"-ffile-prefix-map={work}=build")
    inside = ("-static-libstdc++", "-static-libgcc", "-Wl,-z,defs")
    places = {
        "CMAKE_CUDA_FLAGS": " ".join(["-w", *(f"-Xcompiler={word}" for word in prefixes)]),
        "CMAKE_MODULE_LINKER_FLAGS": " ".join(
            ["-s", *inside, f"-Wl,--version-script={work / 'symbols.map'}"]
        ),
        "GGML": ggml,
        "GGML_BASE": work / _BASE,
        "CUDA_DRIVER": work / _DRIVER,
        "CMAKE_CUDA_COMPILER": toolkit / "bin/nvcc",
        "CUDAToolkit_ROOT": toolkit,
    }
    options = [*_OPTIONS, *(f"-D{name}={value}" for name, value in places.items())]
    build = work / "build"
    cmake = tools.programs / "cmake"
    run(step, [cmake, "-S", cuda_source(), "-B", build, *options], environment=variables)
    run(step, [cmake, "--build", build], environment=variables, report=report)
    shutil.move(next(build.rglob(LIBRARY)), out / LIBRARY)
    shutil.rmtree(work)
