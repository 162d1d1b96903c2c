"""`llamapack extract`: writes one entry of a pack to a file of its own, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from llamapack.errors import OutputError, PackFileError
from llamapack.mac.places import archive_in
from llamapack.text import plain
from llamapack.writing.copying import Advance, copy_summed
from llamapack.writing.newfile import new_file
from llamapack.writing.sums import Sums
from llamapack_runtime.pack import Entry, Pack

ENTRY_MODE = 0o644


def output_path(entry: Entry, output: Path | None) -> Path:
    """Where an entry goes: into the folder or to the file that was named, else here.

    Only the last part of the entry's name counts, so nothing lands outside of that folder.
    """
    name = PurePosixPath(entry.name).name
    if output is None:
        return Path(name)
    return output / name if output.is_dir() else output


def _folders(target: Path) -> Sequence[Path]:
    """Those that `target` is in, from the inside out."""
    return Path(os.path.realpath(target)).parents


def extract_entry(pack: Pack, entry: Entry, target: Path, force: bool, advance: Advance) -> None:
    """Raises OutputError when it cannot be written, PackFileError when the entry was altered."""
    app = next((one for one in _folders(target) if archive_in(one) is not None), None)
    if app is not None:
        raise OutputError(
            f"{plain(str(target))} would be in {plain(app.name)}, an app that is a pack. Name "
            "another folder with --output."
        )
    if target.exists() and target.samefile(pack.path):
        raise OutputError(f"{plain(str(target))} is the pack itself; name another with --output.")
    if target.exists() and not target.is_dir() and not force:
        raise OutputError(
            f"{plain(str(target))} exists. Name another file with --output, "
            "or replace it with --force."
        )
    with (
        pack.path.open("rb", buffering=0) as source,
        new_file(target, entry.size, ENTRY_MODE) as file,
    ):
        sums = copy_summed(source, entry.data_offset, entry.size, file, 0, advance)
        if sums != Sums(entry.sha256, entry.crc32):
            raise PackFileError(
                f"{plain(pack.path.name)} was damaged or altered: '{entry.name}' does not match "
                "its check sum, so it was not written. Get the file again."
            )
