"""What each operating system asks of the native libraries' build besides its compiler triple."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamapack.targets.macos import OLDEST_SYSTEM
from llamapack.targets.types import Target

# llama.cpp's "common" library is for its own programs: a third of the compile time, never loaded.
# The binding's CMakeLists forces the cache variable; a normal variable of that name outranks it.
_WITHOUT_COMMON = "set(LLAMA_BUILD_COMMON OFF)\n"
# The binding and the runtime look for llama.dll, and the libraries for each other under the names
# they were linked with, so they cannot be renamed afterwards.
_WITHOUT_LIB = 'set(CMAKE_SHARED_LIBRARY_PREFIX "")\nset(CMAKE_SHARED_MODULE_PREFIX "")\n'

# Every zig-built library carries its own libc++. Unless its symbols are hidden, the loader binds
# one library's calls to another's copy, and memory is freed by an allocator that never had it.
_HIDDEN_SYMBOLS = """{ local:
  _ZNSt3__1*; _ZNKSt3__1*; _ZTINSt3__1*; _ZTSNSt3__1*; _ZTVNSt3__1*; _ZTTNSt3__1*;
  _ZSt*; _ZNSt*; _ZNKSt*; _ZTISt*; _ZTVSt*; _ZTSSt*;
  _Znw*; _Zna*; _Zdl*; _Zda*; __cxa_*; __gxx_*; _Unwind_*;
};
"""


@dataclass(frozen=True, slots=True)
class Replacement:
    """`old` becomes `new` in the files of llama.cpp."""

    files: tuple[str, ...]
    old: str
    new: str

    def apply(self, folder: Path, below: str = "") -> None:
        """To llama.cpp in `folder`, or to the part of it that is there."""
        for name in self.files:
            if name.startswith(below):
                text = (folder / name).read_text(encoding="utf-8")
                assert self.old in text, f"{name} of llama.cpp has changed"
                (folder / name).write_text(text.replace(self.old, self.new), encoding="utf-8")


# For MinGW, llama.cpp marks nothing for export, so the linker exports everything, each library's
# own "atexit" too, and what is linked to two of them has that twice.
_EXPORTS = Replacement(
    (
        *("include/llama.h", "tools/mtmd/mtmd.h"),
        *("ggml/include/ggml.h", "ggml/include/ggml-backend.h"),
    ),
    "defined(_WIN32) && !defined(__MINGW32__)",
    "defined(_WIN32)",
)


@dataclass(frozen=True, slots=True)
class NativeSystem:
    """`include` is CMake code that runs before the project's own. `programs` are CMake's names of
    compilers besides the usual ones, and zig's verbs for them. `has_own_compiler`: the system's
    compiles it, not zig. `link_flags` are for every library."""

    options: tuple[str, ...]
    include: str
    hidden_symbols: str | None = None
    replacement: Replacement | None = None
    programs: tuple[tuple[str, str], ...] = ()
    has_own_compiler: bool = False
    link_flags: str = "-s"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Changes with everything here."""
        replaced = () if self.replacement is None else (repr(self.replacement),)
        return (self.hidden_symbols or "", self.include, *self.options, *replaced)


# zig 0.16's compiler dies on these variants' repack.cpp, whatever it is to optimize.
_WITHOUT_NEWEST_ARM = Replacement(
    ("ggml/src/CMakeLists.txt",),
    """
            ggml_add_cpu_backend_variant(armv8.6_2    DOTPROD FP16_VECTOR_ARITHMETIC SVE MATMUL_INT8 SVE2)
            ggml_add_cpu_backend_variant(armv9.2_1    DOTPROD FP16_VECTOR_ARITHMETIC SVE MATMUL_INT8 SME)
            ggml_add_cpu_backend_variant(armv9.2_2    DOTPROD FP16_VECTOR_ARITHMETIC SVE MATMUL_INT8 SVE2 SME)
""",  # noqa: E501 - as they are there
    "\n",
)


def _macos(machine: str) -> NativeSystem:
    """With Apple's compiler, which alone knows Metal. The shaders are packed as sources and
    compiled on the computer that runs them. Apple's linker has no -s."""
    options = {
        "CMAKE_OSX_ARCHITECTURES": machine,
        "CMAKE_OSX_DEPLOYMENT_TARGET": OLDEST_SYSTEM,
        "GGML_METAL": "ON",
        "GGML_METAL_EMBED_LIBRARY": "ON",
        "GGML_BLAS": "OFF",
    }
    return NativeSystem(
        options=tuple(f"-D{name}={value}" for name, value in options.items()),
        include=_WITHOUT_COMMON,
        has_own_compiler=True,
        link_flags="",
    )


# By the target's name, else by its system.
_SYSTEMS: dict[str, NativeSystem] = {
    "linux-aarch64": NativeSystem(
        options=("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"),
        include=_WITHOUT_COMMON,
        hidden_symbols=_HIDDEN_SYMBOLS,
        replacement=_WITHOUT_NEWEST_ARM,
    ),
    "linux": NativeSystem(options=(), include=_WITHOUT_COMMON, hidden_symbols=_HIDDEN_SYMBOLS),
    "macos-arm64": _macos("arm64"),
    "macos-x86_64": _macos("x86_64"),
    "windows": NativeSystem(
        options=("-DCMAKE_SYSTEM_NAME=Windows", "-DCMAKE_SYSTEM_PROCESSOR=AMD64"),
        include=_WITHOUT_COMMON + _WITHOUT_LIB,
        replacement=_EXPORTS,
        programs=(("RC_COMPILER", "rc"),),
    ),
}


def native_system(target: Target) -> NativeSystem:
    return _SYSTEMS.get(target.name) or _SYSTEMS[target.system]
