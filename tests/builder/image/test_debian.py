"""Debian's packages as files: refused with a reason when they are not the pinned ones, and nothing
is left then."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from llamapack.image import debian
from llamapack.image.debian import debian_packages, read_lock
from llamapack.image.errors import MissingPackagesError

PINNED = "spirv-headers"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LLAMAPACK_BUILD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "debian"


@pytest.fixture
def small_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The smallest package of the real lock alone, in a folder of the test's."""
    real = read_lock("vulkan")
    pin = next(pin for pin in real.packages if pin.startswith(PINNED))
    path = tmp_path / "lock" / "small.txt"
    path.parent.mkdir()
    path.write_text(f"suite {real.suite}\n{pin} sha256:{real.sums[pin]}\n")
    monkeypatch.setattr(debian, "LOCK_FOLDER", path.parent)
    return path


def test_what_goes_into_the_library_is_pinned() -> None:
    lock = read_lock("vulkan")
    pinned = {pin.partition("=")[0] for pin in lock.sums}
    assert pinned == {"glslc", "libshaderc1", "libvulkan-dev", PINNED}
    assert all(len(digest) == 64 for digest in lock.sums.values())
    assert lock.version("libvulkan-dev") == "1.4.309.0"


def test_without_apt_the_reason_is_told(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPackagesError, match="there is no apt-get on this computer"):
        debian_packages("vulkan", lambda _: None)
    assert [path for path in cache.iterdir() if path.is_dir()] == []


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("apt-get") is None, reason="fetches with apt"
)
class TestFetched:
    def test_the_packages_are_unpacked(self, small_lock: Path) -> None:
        assert small_lock.exists()
        folder = debian_packages("small", lambda _: None)
        assert sorted(path.name for path in folder.iterdir()) == ["usr"]
        assert (folder / "usr/include/spirv/unified1/spirv.hpp").is_file()

    def test_other_bytes_than_the_pinned_ones_are_refused(
        self, cache: Path, small_lock: Path
    ) -> None:
        text = small_lock.read_text()
        small_lock.write_text(text[:-65] + "0" * 64 + "\n")
        with pytest.raises(MissingPackagesError, match=f"{PINNED}=.* another check sum"):
            debian_packages("small", lambda _: None)
        assert [path for path in cache.iterdir() if path.is_dir()] == []

    def test_without_a_network_the_reason_is_told(
        self, cache: Path, small_lock: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert small_lock.exists()
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with pytest.raises(MissingPackagesError, match=r"^fetching the list of Debian trixie's"):
            debian_packages("small", lambda _: None)
        assert [path for path in cache.iterdir() if path.is_dir()] == []

    def test_a_version_that_is_gone_is_refused(self, cache: Path, small_lock: Path) -> None:
        small_lock.write_text(f"suite trixie\n{PINNED}=0.0.1-1 sha256:{'0' * 64}\n")
        with pytest.raises(MissingPackagesError, match=r"'0\.0\.1-1' for 'spirv-headers'"):
            debian_packages("small", lambda _: None)
        assert [path for path in cache.iterdir() if path.is_dir()] == []
