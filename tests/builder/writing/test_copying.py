"""Copying with sums: the bytes, the sums, and the ways a kernel can refuse to copy."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest

from llamapack.errors import ChangedError
from llamapack.writing.copying import Copier, FileState
from llamapack.writing.source import Source, Stretch, copy_source
from llamapack.writing.sums import BLOCK_BYTES, BLOCKS_IN_FLIGHT, BlockSums, Sums


def sums_of(data: bytes) -> Sums:
    return Sums(hashlib.sha256(data).hexdigest(), zlib.crc32(data))


def whole(path: Path) -> Source:
    return Source.of_file("entry", path, FileState.of(path))


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    data = random.Random(1).randbytes(2 * BLOCK_BYTES + 12345)
    (tmp_path / "source").write_bytes(data)
    return data


def test_bytes_and_sums_are_those_of_the_source(tmp_path: Path, data: bytes) -> None:
    source, steps = tmp_path / "source", list[int]()
    with (tmp_path / "target").open("xb", buffering=0) as target:
        sums = copy_source(whole(source), target, 77, steps.append)
    assert sums == sums_of(data)
    assert steps == [BLOCK_BYTES, BLOCK_BYTES, 12345]
    assert (tmp_path / "target").read_bytes() == bytes(77) + data


@pytest.mark.parametrize("is_known", [False, True])
def test_parts_come_one_after_the_other(tmp_path: Path, data: bytes, is_known: bool) -> None:
    path = tmp_path / "source"
    middle = Stretch(path, FileState.of(path), 1000, BLOCK_BYTES + 7)
    made = b"before" + data[1000 : 1007 + BLOCK_BYTES] + b"after"
    sums = sums_of(made) if is_known else None
    source = Source("entry", (b"before", middle, b"after"), sums=sums)
    with (tmp_path / "target").open("xb", buffering=0) as target:
        assert copy_source(source, target, 3, len_of) == sums_of(made)
    assert (tmp_path / "target").read_bytes() == bytes(3) + made
    assert source.size == len(made)


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="only Linux copies in the kernel")
@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, 0])
def test_it_copies_where_the_kernel_will_not(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    """0 stands for file systems that say they copied nothing."""

    def refuse(*_: object) -> int:
        if refusal:
            raise OSError(refusal, os.strerror(refusal))
        return 0

    monkeypatch.setattr(os, "copy_file_range", refuse)
    source = tmp_path / "source"
    with (tmp_path / "target").open("xb", buffering=0) as target:
        assert copy_source(whole(source), target, 5, len_of) == sums_of(data)
    assert (tmp_path / "target").read_bytes() == bytes(5) + data


def len_of(_: int) -> None:
    return None


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="only Linux copies in the kernel")
def test_other_errors_of_the_kernel_are_not_swallowed(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    with (
        (tmp_path / "source").open("rb", buffering=0) as source,
        (tmp_path / "target").open("xb", buffering=0) as target,
        pytest.raises(OSError, match="No space"),
    ):
        Copier(source, target).copy(memoryview(data[:100]), 0, 0)


def test_a_file_that_is_not_as_it_was_is_refused(tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "source"
    before = whole(source)
    source.write_bytes(data + b"more")
    with (
        (tmp_path / "target").open("xb", buffering=0) as target,
        pytest.raises(ChangedError, match="changed while it was being read"),
    ):
        copy_source(before, target, 0, len_of)


def test_memory_stays_flat(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()
    os.truncate(source, 4 * BLOCKS_IN_FLIGHT * BLOCK_BYTES)
    tracemalloc.start()
    with source.open("rb", buffering=0) as file, BlockSums() as sums:
        while sums.read_block(file, 1 << 40):
            pass
        sums.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (BLOCKS_IN_FLIGHT + 1) * BLOCK_BYTES
