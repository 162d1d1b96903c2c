"""What is fetched as a tar file is unpacked by every Python that the README names."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from llamapack.image.unpacking import unpack


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "sources.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("one/setup.py", "one/Doc/long.rst"):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return path


@pytest.mark.parametrize("has_filters", [True, False])
def test_what_is_wanted_is_unpacked(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_filters: bool
) -> None:
    if not has_filters:  # as in Python 3.11.2
        monkeypatch.delattr(tarfile, "data_filter")
    unpack(archive, tmp_path / "out", lambda name: "/Doc/" not in name)
    found = {path.name: path.read_text() for path in (tmp_path / "out").rglob("*.*")}
    assert found == {"setup.py": "one/setup.py"}
