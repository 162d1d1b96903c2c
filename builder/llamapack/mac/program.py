"""The program of an app, which is not in its archive, compared with what the archive says of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from llamapack.errors import PackFileError
from llamapack.mac.about import PROGRAM_KEY, read_info
from llamapack.mac.places import app_with, is_signed, program_place
from llamapack.text import plain
from llamapack_runtime.pack import EntrySum, Pack

_BLOCK_BYTES = 1 << 20


def is_for_apps(pack: Pack) -> bool:
    return pack.manifest.target.partition("-")[0] == "macos"


def check_program(pack: Pack) -> str | None:
    """PackFileError where macOS would start another program than the one that was packed. Returns a
    sentence where that cannot be told, None where it is the same, or the pack is no app."""
    if not is_for_apps(pack):
        return None
    app, packed = app_with(pack.path), pack.manifest.runtime.launcher
    if app is None:
        return f"{plain(pack.path.name)} is in no app, so that no program was checked."
    if packed is None:
        return f"{plain(app.name)} does not say what its program was, so that it was not checked."
    try:
        program = _started(app)
        is_same = program is not None and _is(program, packed)
    except OSError as error:
        raise PackFileError(
            f"Cannot read the program of {plain(app.name)}: {error.strerror}."
        ) from error
    if is_same:
        return None
    if program is not None and is_signed(app):
        return (
            f"{plain(app.name)} was signed on a Mac, which changes its program: that was not "
            "checked. Apple's signature covers it, and 'codesign --verify' checks it on a Mac."
        )
    raise PackFileError(
        f"{plain(app.name)} was damaged or altered: its program is "
        f"{'missing' if program is None else 'another one'}. Get the app again from where it came "
        "from."
    )


def _started(app: Path) -> Path | None:
    """What macOS starts."""
    name = read_info(app).get(PROGRAM_KEY)
    if not isinstance(name, str) or Path(name).name != name:
        return None
    program = app / program_place(name)
    is_within = not program.is_symlink() and not program.parent.is_symlink()
    return program if is_within and program.is_file() else None


def _is(program: Path, packed: EntrySum) -> bool:
    if program.stat().st_size != packed.size:
        return False
    digest = hashlib.sha256()
    with program.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == packed.sha256
