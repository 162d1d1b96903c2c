"""The runtime archive: the same files give the same bytes, and a reader gets them back."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import zstandard

from llamapack.image.archive import write_archive


def tree(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "run").chmod(0o700)
    (folder / "link").symlink_to("run")
    return folder


def members(archive: Path) -> dict[str, tarfile.TarInfo]:
    plain = zstandard.ZstdDecompressor().decompress(archive.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {info.name: info for info in tar}


def test_bytes_depend_on_files_alone(tmp_path: Path) -> None:
    first = tree(tmp_path / "one", ["run", "b/x", "a"])
    second = tree(tmp_path / "two", ["a", "run", "b/x"])
    os.utime(second / "a", (5, 5))
    write_archive(first, tmp_path / "one.tar.zst")
    write_archive(second, tmp_path / "two.tar.zst")
    assert (tmp_path / "one.tar.zst").read_bytes() == (tmp_path / "two.tar.zst").read_bytes()


def test_modes_links_and_owners_are_plain(tmp_path: Path) -> None:
    write_archive(tree(tmp_path / "one", ["run", "b/x"]), tmp_path / "one.tar.zst")
    found = members(tmp_path / "one.tar.zst")
    assert {name: oct(info.mode) for name, info in found.items() if info.isreg()} == {
        "run": "0o755",
        "b/x": "0o644",
    }
    assert found["link"].linkname == "run"
    assert {(info.uid, info.uname, info.mtime) for info in found.values()} == {(0, "", 0)}
