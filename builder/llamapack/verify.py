"""`llamapack verify`: reads every entry of a pack and compares it with its check sums."""

from __future__ import annotations

from io import FileIO

from llamapack.copying import Advance
from llamapack.errors import PackFileError
from llamapack.sums import BlockSums, Sums
from llamapack.text import plain
from llamapack_runtime.pack import Entry, Pack


def verify_pack(pack: Pack, advance: Advance) -> None:
    """Raises PackFileError that names the entries which are not as they were packed."""
    with pack.path.open("rb", buffering=0) as file:
        altered = [entry for entry in pack.entries if not _is_intact(file, entry, advance)]
    if altered:
        names = ", ".join(f"'{entry.name}'" for entry in altered)
        raise PackFileError(
            f"{plain(pack.path.name)} was damaged or altered: {names} does not match its "
            "check sum. Get the file again from where it came from."
        )


def _is_intact(file: FileIO, entry: Entry, advance: Advance) -> bool:
    file.seek(entry.data_offset)
    left = entry.size
    with BlockSums() as sums:
        while left and (block := sums.read_block(file, left)):
            left -= len(block)
            advance(len(block))
        return sums.finish() == Sums(entry.sha256, entry.crc32)
