"""A folder as one tar.zst whose bytes depend on nothing but its files."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

import zstandard

LEVEL = 19


def write_archive(folder: Path, out: Path) -> None:
    """Pack `folder` as ustar (the launcher reads no other kind) and compress it.

    Sorted names, no owners, no times; modes 0755 for folders and executables, else 0644. The
    zstd frame carries its content size and check sum.
    """
    paths = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    plain = out.with_suffix(".tar")
    with tarfile.open(plain, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in paths:
            _add(tar, path, path.relative_to(folder).as_posix())
    compress(plain, out)


def compress(plain: Path, out: Path, level: int = LEVEL) -> None:
    """`plain` as one zstd frame, `out`; `plain` is removed."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, write_checksum=True, write_content_size=True, threads=-1
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    with plain.open("rb") as source, out.open("wb") as target:
        compressor.copy_stream(source, target, size=plain.stat().st_size)
    plain.unlink()


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tar.gettarinfo(str(path), name)
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    executable = path.is_dir() or bool(path.stat().st_mode & stat.S_IXUSR)
    info.mode = 0o755 if executable else 0o644
    if info.isreg() or info.islnk():
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
        with path.open("rb") as file:
            tar.addfile(info, file)
    else:
        tar.addfile(info)
