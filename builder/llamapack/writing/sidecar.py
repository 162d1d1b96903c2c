"""A pack in two files, for a system that starts no program of its size, or for several systems: a
small program, and the whole pack beside it. Knows nothing of systems.

    chat.exe         [launcher][name of the second file][its bytes, 16 bits][SIDECAR_MARK]
    chat.llamapack   the same file that chat.exe would have been
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.mac.places import archive_in
from llamapack.text import plain
from llamapack.writing.newfile import new_file
from llamapack.writing.packwriter import PACK_MODE
from llamapack.writing.source import Source, copy_source
from llamapack_runtime.pack.format import SIDECAR_MARK, SIDECAR_SUFFIX

_PROGRAM_ENDING = ".exe"
_MAX_END_BYTES = 255 + 2 + len(SIDECAR_MARK)  # a file's name has up to 255 bytes


def sidecar_path(program: Path) -> Path:
    """Where the launcher looks: beside it, with its own name but for ".exe"."""
    is_exe = program.name.lower().endswith(_PROGRAM_ENDING)
    stem = program.name[: -len(_PROGRAM_ENDING)] if is_exe else program.name
    return program.with_name(stem + SIDECAR_SUFFIX)


def archive_path(path: Path) -> Path:
    """The file that holds the archive of the pack at `path`: itself, or the one beside it, or the
    one in it, where it is an app of macOS."""
    if path.is_dir():
        return archive_in(path) or path
    own, given = sidecar_path(path), _given_name(path)
    if given is None:
        return path
    return own if own.is_file() else path.with_name(given)


def _given_name(path: Path) -> str | None:
    """The second file's, where `path` is such a program."""
    try:
        with path.open("rb") as file:
            file.seek(-min(_MAX_END_BYTES, path.stat().st_size), 2)
            end = file.read()
    except OSError:
        return None
    if not end.endswith(SIDECAR_MARK):
        return None
    before = end.removesuffix(SIDECAR_MARK)
    name = before[:-2][-int.from_bytes(before[-2:], "little") :].decode("utf-8", "replace")
    return name if name.endswith(SIDECAR_SUFFIX) and Path(name).name == name else None


def end_of_program(sidecar: Path) -> bytes:
    """What follows the launcher of a program whose second file is `sidecar`."""
    name = sidecar.name.encode()
    return name + len(name).to_bytes(2, "little") + SIDECAR_MARK


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
    beside = sidecar_path(program)
    whole = Source(launcher.name, (*launcher.parts, end_of_program(beside)))
    with new_file(program, whole.size, PACK_MODE) as file:
        size = write(beside)
        copy_source(whole, file, 0, lambda _: None)
    return size + whole.size
