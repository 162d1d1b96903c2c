"""A pack in two files, for a system that starts no program of its size: a small program, and the
whole pack beside it. Knows nothing of systems.

    chat.exe         [launcher][SIDECAR_MARK]
    chat.llamapack   the same file that chat.exe would have been
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.text import plain
from llamapack.writing.newfile import new_file
from llamapack.writing.packwriter import PACK_MODE
from llamapack.writing.source import Source, copy_source, write_at
from llamapack_runtime.pack.format import SIDECAR_MARK, SIDECAR_SUFFIX

_PROGRAM_ENDING = ".exe"


def sidecar_path(program: Path) -> Path:
    """Where the launcher looks: beside it, with its own name but for ".exe"."""
    is_exe = program.name.lower().endswith(_PROGRAM_ENDING)
    stem = program.name[: -len(_PROGRAM_ENDING)] if is_exe else program.name
    return program.with_name(stem + SIDECAR_SUFFIX)


def archive_path(path: Path) -> Path:
    """The file that holds the archive of the pack at `path`: itself, or the one beside it."""
    try:
        with path.open("rb") as file:
            file.seek(-min(len(SIDECAR_MARK), path.stat().st_size), 2)
            has_mark = file.read() == SIDECAR_MARK
    except OSError:
        return path
    return sidecar_path(path) if has_mark else path


def check_sidecar(program: Path, *, may_replace: bool) -> None:
    """OutputError when another file is where the second one goes."""
    beside = sidecar_path(program)
    if beside.exists() and not may_replace:
        raise OutputError(
            f"{plain(str(beside))} exists, and the pack needs that name for its second file. "
            "Move it away, or replace it with --force."
        )


def write_in_two(program: Path, launcher: Source, write: Callable[[Path], int]) -> int:
    """The whole pack by `write`, which makes the file that it is given and returns its size; then
    the program. Until both are there, `program` is not, or is an older one. Returns the bytes of
    both. OutputError."""
    mark = Source(launcher.name, (*launcher.parts, SIDECAR_MARK))
    with new_file(program, mark.size, PACK_MODE) as file:
        size = write(sidecar_path(program))
        copy_source(launcher, file, 0, lambda _: None)
        write_at(file, launcher.size, SIDECAR_MARK)
    return size + mark.size
