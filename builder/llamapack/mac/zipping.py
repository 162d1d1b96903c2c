"""An app as one ZIP file, which can be sent: the same bytes each time, with the program's right to
run. Nothing in it is compressed, for models hardly shrink."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.mac.places import PROGRAMS, stem_of
from llamapack.text import plain
from llamapack.writing.copying import Advance
from llamapack.writing.newfile import check_target, new_path

_MODE = 0o644
_UNIX = 3
_TIME = (1980, 1, 1, 0, 0, 0)
_BLOCK_BYTES = 8 << 20
_OVERHEAD_BYTES = 1 << 20


def zip_path(app: Path) -> Path:
    return app.with_name(f"{stem_of(app)}.zip")


def check_zip(app: Path, force: bool) -> None:
    """OutputError when its place is taken by something that is not such a file."""
    path = zip_path(app)
    check_target(path)
    if path.exists() and not force and not _holds(path, app.name):
        raise OutputError(
            f"{plain(str(path))} exists and does not hold {plain(app.name)}. Move it away, or "
            "replace it with --force."
        )


def zip_bytes_at_most(app_bytes: int) -> int:
    return app_bytes + _OVERHEAD_BYTES


def write_zip(app: Path, advance: Advance) -> Path:
    """Of the finished `app`, beside it. OutputError."""
    target = zip_path(app)
    files = sorted(path for path in app.rglob("*") if path.is_file())
    total = sum(path.stat().st_size for path in files)
    with (
        new_path(target, zip_bytes_at_most(total), _MODE) as work,
        zipfile.ZipFile(work, "w") as archive,
    ):
        for path in files:
            info = _info(path, path.relative_to(app.parent).as_posix())
            with path.open("rb") as source, archive.open(info, "w") as out:
                while block := source.read(_BLOCK_BYTES):
                    out.write(block)
                    advance(len(block))
    return target


def _info(path: Path, name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.create_system = _UNIX
    info.file_size = path.stat().st_size  # from 4 GiB on it asks for the wide fields (ZIP64)
    may_run = path.parent.name == PROGRAMS  # not every system that packs has such a right
    info.external_attr = (stat.S_IFREG | (0o755 if may_run else 0o644)) << 16
    return info


def _holds(path: Path, name: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return all(one.startswith(f"{name}/") for one in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
