"""Compiles the native launcher for a target with zig's clang. Knows nothing of packs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from llamapack.image.errors import ImageError
from llamapack.image.project import launcher_source
from llamapack.image.steps import run

_PORTABLE = (
    "launcher.c",
    "archive.c",
    "cache.c",
    "extract.c",
    "fail.c",
    "manifest.c",
    "progress.c",
    "sha256.c",
    "tar.c",
    "tree.c",
)
_FLAGS = ("-O2", "-g0", "-DNDEBUG", "-ffunction-sections", "-fdata-sections")
_STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror")
# The amalgamation exports everything; hidden and stripped, only the decompressor remains.
_ZSTD_FLAGS = ("-fvisibility=hidden", "-DZSTDLIB_VISIBLE=", "-DZSTD_STRIP_ERROR_STRINGS")


@dataclass(frozen=True, slots=True)
class _Target:
    triple: str
    sources: tuple[str, ...]
    link_flags: tuple[str, ...]


_LINUX_SOURCES = ("os_posix.c", "os_linux.c")
_LINUX_LINK = ("-static", "-Wl,--gc-sections", "-s")
_TARGETS: Mapping[str, _Target] = MappingProxyType(
    {
        "linux-x86_64": _Target("x86_64-linux-musl", _LINUX_SOURCES, _LINUX_LINK),
        "linux-aarch64": _Target("aarch64-linux-musl", _LINUX_SOURCES, _LINUX_LINK),
    }
)


def build_launcher(target: str, zig: Sequence[str], zstd_folder: Path, out: Path) -> Path:
    """Compile the launcher for `target` (such as "linux-x86_64") to `out`, and return `out`.

    `zig` is the command that starts zig; `zstd_folder` holds zstd.c and zstd.h of zstd's
    single-file sources. The same sources and zig give the same bytes. Raises ImageError for an
    unknown target, StepError when the compiler refuses.
    """
    if target not in _TARGETS:
        raise ImageError(f"There is no launcher for '{target}'. Known: {', '.join(_TARGETS)}.")
    chosen = _TARGETS[target]
    compiler = [*zig, "cc", "-target", chosen.triple, *_FLAGS]
    source = launcher_source()
    files = [source / name for name in (*_PORTABLE, *chosen.sources)]
    with tempfile.TemporaryDirectory(prefix="llamapack-launcher-") as name:
        work = Path(name)
        zstd, linked = work / "zstd.o", work / "launcher"
        step = "Compiling the launcher"
        run(step, [*compiler, *_ZSTD_FLAGS, "-c", zstd_folder / "zstd.c", "-o", zstd], folder=work)
        strict = [*compiler, *_STRICT, "-isystem", str(zstd_folder)]
        run(step, [*strict, *chosen.link_flags, *files, zstd, "-o", linked], folder=work)
        shutil.copyfile(linked, out)
    out.chmod(0o755)
    return out
