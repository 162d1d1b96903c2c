"""Images kept, exported, taken in again; damaged files refused."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path

import pytest

from llamapack.image import store
from llamapack.image.errors import ImageError, ImageFileError
from llamapack.image.make import image_key, image_keys


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make_image(folder: Path, key: str = "0123456789abcdef") -> store.RuntimeImage:
    (folder / "licenses").mkdir(parents=True)
    (folder / "runtime.tar.zst").write_bytes(b"archive")
    (folder / "launcher").write_bytes(b"launcher")
    (folder / "licenses" / "part.txt").write_text("licence")
    facts = {"glibc_floor": "2.35", "versions": {"python": "3.11"}, "architectures": ["llama"]}
    store.write_facts(folder, "linux-x86_64", key, facts)
    return store.load_image(folder)


def test_an_exported_image_comes_back_whole(tmp_path: Path) -> None:
    image = make_image(tmp_path / "made")
    store.export_image(image, tmp_path / "file.image")
    added = store.add_image(tmp_path / "file.image")
    assert added.archive.read_bytes() == b"archive"
    assert added.architectures == {"llama"}
    assert [found.key for found in store.list_images()] == [image.key]
    assert added.launcher.stat().st_mode & 0o100


def test_an_added_image_serves_its_target(tmp_path: Path) -> None:
    store.export_image(make_image(tmp_path / "made"), tmp_path / "file.image")
    added = store.add_image(tmp_path / "file.image")
    assert store.find_image("linux-x86_64") == added


@pytest.mark.parametrize("part", ["runtime.tar.zst", "launcher", "licenses/part.txt"])
def test_an_altered_part_is_refused(tmp_path: Path, part: str) -> None:
    image = make_image(tmp_path / "made")
    (image.folder / part).write_bytes(b"altered")
    store.export_image(image, tmp_path / "file.image")
    with pytest.raises(ImageFileError, match=part):
        store.add_image(tmp_path / "file.image")
    assert store.list_images() == []


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ImageFileError, match="not a llamapack runtime image"):
        store.add_image(tmp_path / "text")


def test_a_file_that_climbs_out_is_refused(tmp_path: Path) -> None:
    image = make_image(tmp_path / "made")
    store.export_image(image, tmp_path / "file.image")
    with zipfile.ZipFile(tmp_path / "file.image", "a") as file:
        file.writestr("../outside", b"x")
    with pytest.raises(ImageFileError):
        store.add_image(tmp_path / "file.image")
    assert not (tmp_path / "cache" / "outside").exists()


def test_remove_wants_one_image(tmp_path: Path) -> None:
    for number in (1, 2):
        image = make_image(tmp_path / f"made{number}", key=f"aa{number}")
        store.export_image(image, tmp_path / "file.image")
        store.add_image(tmp_path / "file.image")
    with pytest.raises(ImageError, match="2 runtime images"):
        store.remove_image("aa")
    with pytest.raises(ImageError, match="no runtime image"):
        store.remove_image("bb")
    store.remove_image("aa1")
    assert [image.key for image in store.list_images()] == ["aa2"]


def test_images_that_nothing_used_for_a_month_go(cache: Path, tmp_path: Path) -> None:
    kept, old = (
        make_image(cache / "images" / f"linux-x86_64-{key * 16}", key * 16) for key in "ab"
    )
    store.export_image(make_image(tmp_path / "made"), tmp_path / "file.image")
    store.add_image(tmp_path / "file.image")
    long_ago = time.time() - 2 * store.UNUSED_S
    for image in store.list_images():
        if image.key != kept.key:
            os.utime(image.folder / store.FACTS, (long_ago, long_ago))
    assert store.remove_unused_images() == {old.key: len(b"archive")}
    assert {image.key for image in store.list_images()} == {kept.key, "0123456789abcdef"}
    assert set(store.remove_unused_images(time.time() + 2 * store.UNUSED_S)) == {kept.key}


def test_an_image_without_its_gpu_library_is_found_last(cache: Path, tmp_path: Path) -> None:
    best, lesser, *_ = image_keys("linux-x86_64")
    make_image(cache / "images" / f"linux-x86_64-{lesser}", lesser)
    found = store.find_image("linux-x86_64")
    assert found is not None
    assert found.key == lesser
    store.export_image(make_image(tmp_path / "made"), tmp_path / "file.image")
    added = store.add_image(tmp_path / "file.image")
    assert store.find_image("linux-x86_64") == added
    whole = make_image(cache / "images" / f"linux-x86_64-{best}", best)
    assert store.find_image("linux-x86_64") == whole


def test_finding_an_image_is_using_it(cache: Path) -> None:
    key = image_key("linux-x86_64")
    image = make_image(cache / "images" / f"linux-x86_64-{key}", key)
    os.utime(image.folder / store.FACTS, (1.0, 1.0))
    assert store.find_image("linux-x86_64") == image
    assert store.remove_unused_images() == {}
