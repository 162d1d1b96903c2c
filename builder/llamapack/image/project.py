"""Where the project's own sources are: in a checkout, or inside the installed package."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "sources"
_CHECKOUT = _PACKAGE.parent.parent
_IN_RUNTIME = ("cuda", "gemm", "launcher", "vulkan")


def _source(inside: str) -> Path:
    installed = _INSTALLED / inside
    if installed.is_dir():
        return installed
    return _CHECKOUT / (f"runtime/{inside}" if inside in _IN_RUNTIME else inside)


def launcher_source() -> Path:
    return _source("launcher")


def gemm_source() -> Path:
    return _source("gemm")


def vulkan_source() -> Path:
    return _source("vulkan")


def cuda_source() -> Path:
    return _source("cuda")


def web_source() -> Path:
    return _source("templates") / "web"


def icon_source() -> Path:
    """The project's icon in several sizes, each a PNG named after its pixels."""
    return _source("templates") / "icon"


def readme_source() -> Path:
    return _source("templates") / "readme"


def runtime_source() -> Path:
    """The folder that holds the package llamapack_runtime."""
    checkout = _CHECKOUT / "runtime"
    return checkout if (checkout / "llamapack_runtime").is_dir() else _PACKAGE.parent


def launch_script() -> Path:
    """The program that PyInstaller freezes."""
    return runtime_source() / "llamapack_runtime" / "__main__.py"


def digest(folders: Iterable[Path]) -> str:
    """Sixteen hex digits over the names and bytes of every source file below `folders`."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(path.relative_to(folder).as_posix().encode() + b"\0")
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]
