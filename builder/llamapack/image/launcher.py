"""Compiles the native launcher for a target with zig's clang. Knows nothing of packs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from llamapack.image.project import launcher_source
from llamapack.image.steps import run
from llamapack.targets.types import Target

_PORTABLE = (
    "launcher.c",
    "archive.c",
    "beside.c",
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


def build_launcher(target: Target, zig: Sequence[str], zstd_folder: Path, out: Path) -> Path:
    """Compile the launcher for `target` to `out`, and return `out`.

    `zig` is the command that starts zig; `zstd_folder` holds zstd.c and zstd.h of zstd's
    single-file sources. The same sources and zig give the same bytes. Raises StepError
    when the compiler refuses.
    """
    chosen = target.launcher
    compiler = [*zig, "cc", "-target", chosen.triple, *_FLAGS]
    source = launcher_source()
    files = [source / name for name in (*_PORTABLE, *chosen.sources)]
    with tempfile.TemporaryDirectory(prefix="llamapack-launcher-") as name:
        work = Path(name)
        zstd, linked = work / "zstd.o", work / "launcher"
        step = "Compiling the launcher"
        run(step, [*compiler, *_ZSTD_FLAGS, "-c", zstd_folder / "zstd.c", "-o", zstd], folder=work)
        strict = [
            *compiler,
            *_STRICT,
            f'-DLLAMAPACK_TARGET="{target.name}"',
            "-isystem",
            str(zstd_folder),
        ]
        run(step, [*strict, *chosen.link_flags, *files, zstd, "-o", linked], folder=work)
        shutil.copyfile(linked, out)
    out.chmod(0o755)
    return out
