"""Images out of platform wheels: fetched with pip, added by hand, shipped with the package."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from builder.image.test_store import make_image
from llamapack.image import fetch, store
from llamapack.image.errors import ImageError, ImageFileError
from llamapack.image.fetch import WHEEL_IMAGE_VARIABLE, add_wheel, fetch_image, image_name

VERSION = version("llamapack")
PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where pip looks, and only there; and an empty cache."""
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    store.export_image(make_image(tmp_path / "made"), tmp_path / "linux-x86_64.image")
    return tmp_path / "linux-x86_64.image"


def make_wheel(index: Path, platform: str, files: dict[str, bytes]) -> Path:
    path = index / f"llamapack-{VERSION}-py3-none-{platform}.whl"
    info = f"llamapack-{VERSION}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Name: llamapack\nVersion: {VERSION}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: py3-none-{platform}\n")
        wheel.writestr(f"{info}/RECORD", "")
        for name, data in files.items():
            wheel.writestr(name, data)
    return path


def test_the_image_comes_out_of_the_wheel_of_its_platform(index: Path, image_file: Path) -> None:
    make_wheel(index, "any", {})
    files = {image_name("linux-x86_64"): image_file.read_bytes()}
    make_wheel(index, "manylinux_2_28_x86_64", files)
    told: list[str] = []
    image = fetch_image("linux-x86_64", told.append)
    assert (image.archive.read_bytes(), store.find_image("linux-x86_64")) == (b"archive", image)
    assert told[0] == f"Fetching llamapack {VERSION} for linux-x86_64 with pip"


def test_a_platform_without_a_wheel_is_named(index: Path) -> None:
    make_wheel(index, "any", {})
    with pytest.raises(ImageError, match=r"no wheel of .* \(manylinux_2_28_aarch64\)"):
        fetch_image("linux-aarch64", lambda _: None)


def test_another_platforms_image_is_refused(index: Path, image_file: Path) -> None:
    files = {image_name("linux-aarch64"): image_file.read_bytes()}
    make_wheel(index, "manylinux_2_28_aarch64", files)
    with pytest.raises(ImageFileError, match="is for linux-x86_64, not for linux-aarch64"):
        fetch_image("linux-aarch64", lambda _: None)
    assert store.list_images() == []


def test_a_wheel_can_be_added_by_hand(index: Path, image_file: Path) -> None:
    files = {image_name("linux-x86_64"): image_file.read_bytes()}
    assert add_wheel(make_wheel(index, "win_amd64", files)).target == "linux-x86_64"


@pytest.mark.parametrize("data", [b"no zip", None])
def test_what_is_no_such_wheel_is_refused(index: Path, data: bytes | None) -> None:
    path = make_wheel(index, "any", {})
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ImageFileError, match=r"holds no runtime image|cannot be read as a wheel"):
        add_wheel(path)


def test_without_pip_the_way_by_hand_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "find_spec", lambda _: None)
    with pytest.raises(ImageError, match=r"manylinux_2_28_x86_64.*runtime add FILE\.whl"):
        fetch_image("linux-x86_64", lambda _: None)


def test_what_came_with_the_package_is_found(
    monkeypatch: pytest.MonkeyPatch, image_file: Path
) -> None:
    monkeypatch.setattr(store, "_SHIPPED", image_file.parent)
    first = store.find_image("linux-x86_64")
    assert first is not None
    assert first.archive.read_bytes() == b"archive"
    assert store.find_image("linux-x86_64") == first
    assert store.find_image("linux-aarch64") is None


@pytest.mark.slow
def test_a_wheel_that_is_built_with_an_image_is_for_its_platform(
    tmp_path: Path, image_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--wheel-dir", str(tmp_path / "wheels"), str(PROJECT)),
        ],
        env={**os.environ, WHEEL_IMAGE_VARIABLE: str(image_file)},
        check=True,
    )
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert wheel.name == f"llamapack-{VERSION}-py3-none-manylinux_2_28_x86_64.whl"
    assert add_wheel(wheel).key == "0123456789abcdef"
