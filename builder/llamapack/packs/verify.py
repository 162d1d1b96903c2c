"""`llamapack verify --full`: reads a whole pack and compares it with its check sums. That its parts
are where they should be is checked whenever a pack is opened. The program of an app:
`mac/program.py`."""

from __future__ import annotations

from io import FileIO

from llamapack.errors import PackFileError
from llamapack.mac.program import is_for_apps
from llamapack.text import plain
from llamapack.writing.copying import Advance
from llamapack.writing.sums import BlockSums, Sums
from llamapack_runtime.pack import EntrySum, Pack


def verify_pack(pack: Pack, advance: Advance) -> None:
    """Raises PackFileError that names the parts which are not as they were packed."""
    altered = []
    with pack.path.open("rb", buffering=0) as file:
        launcher = _first(pack)
        if launcher is not None:
            read = _sums(file, 0, launcher.size, advance)
            if read.sha256 != launcher.sha256:
                altered.append("the launcher")
        for entry in pack.entries:
            read = _sums(file, entry.data_offset, entry.size, advance)
            if read != Sums(entry.sha256, entry.crc32):
                altered.append(f"'{plain(entry.name)}'")
    if altered:
        raise PackFileError(
            f"{plain(pack.path.name)} was damaged or altered: {', '.join(altered)} does not match "
            "its check sum. Get the file again from where it came from."
        )


def checked_bytes(pack: Pack) -> int:
    """How many `verify_pack` reads."""
    launcher = _first(pack)
    return sum(entry.size for entry in pack.entries) + (0 if launcher is None else launcher.size)


def _first(pack: Pack) -> EntrySum | None:
    """The launcher, where the file begins with it."""
    return None if is_for_apps(pack) else pack.manifest.runtime.launcher


def _sums(file: FileIO, offset: int, size: int, advance: Advance) -> Sums:
    file.seek(offset)
    left = size
    with BlockSums() as sums:
        while left and (block := sums.read_block(file, left)):
            left -= len(block)
            advance(len(block))
        return sums.finish()
