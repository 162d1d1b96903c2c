"""Compiles graphics processors that misbehave, as real libraries beside copies of the real ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

from llamapack.image.sources import source_folder
from llamapack.image.tools import tool_environment
from llamapack.targets.host import host_target
from llamapack.targets.table import target_named
from llamapack.targets.types import Target

_SOURCE = Path(__file__).with_name("fake_gpu.c")
_DEFINITIONS = ("GGML_BACKEND_DL", "GGML_BACKEND_SHARED", "GGML_BACKEND_BUILD", "GGML_SHARED")


def fake_gpu(act: str, libraries: Path, folder: Path) -> Path:
    """A library folder like `libraries` whose Vulkan library does `act`: see fake_gpu.c."""
    for path in libraries.glob("*.so*"):
        (folder / path.name).symlink_to(path)
    library = folder / "libggml-vulkan.so"
    library.unlink(missing_ok=True)
    compile_fake_gpu(act, target_named(host_target()), libraries / "libggml-base.so.0", library)
    return folder


def compile_fake_gpu(act: str, target: Target, base: Path, library: Path) -> None:
    """`base`: the library of ggml's that it is linked to."""
    tools = tool_environment(print)
    ggml = source_folder("llama-cpp-python", tools, print) / "vendor/llama.cpp/ggml"
    command = [
        *(*tools.zig, "cc", "-target", target.library_triple, "-O1"),
        *("-fPIC", "-shared", "-s", "-Wall", "-Wextra", "-Werror", f"-DACT={act}"),
        *(f"-D{name}" for name in _DEFINITIONS),
        *(f"-isystem{ggml / inside}" for inside in ("include", "src")),
        *(str(_SOURCE), str(base), "-o", str(library)),
    ]
    subprocess.run(command, env=tools.variables(), check=True)
