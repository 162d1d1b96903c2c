"""The store of states: what it gives back, what it drops first, and what it writes."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.states import StateStore, Stored

FINGERPRINT = b"one model, one engine"
TOKENS = (1, 2, 3)
DATA = bytes(range(256)) * 4


@contextmanager
def opened(
    folder: Path | None = None,
    *,
    ram_bytes: int = 1 << 20,
    disk_bytes: int = 1 << 20,
    fingerprint: bytes = FINGERPRINT,
) -> Iterator[StateStore]:
    store = StateStore(
        ram_bytes=ram_bytes, folder=folder, disk_bytes=disk_bytes, fingerprint=fingerprint
    )
    try:
        yield store
    finally:
        store.close()


def written(folder: Path, tokens: tuple[int, ...] = TOKENS, data: bytes = DATA) -> Path:
    """A folder that holds one state, as a process left it."""
    with opened(folder) as store:
        store.put(tokens, data, keep=True)
    return folder


def bytes_of(store: StateStore, key: int | None) -> bytes | None:
    assert key is not None
    data = store.get(key)
    return None if data is None else bytes(data)


def test_what_was_put_comes_back() -> None:
    with opened() as store:
        stored = store.put(TOKENS, bytearray(DATA))
        assert bytes_of(store, stored.key) == DATA
        assert stored.dropped == ()
        [saved] = store.saved()
        assert (saved.key, saved.tokens) == (stored.key, TOKENS)
        assert (saved.size_bytes, saved.tier) == (len(DATA), "ram")


def test_the_same_tokens_keep_their_key() -> None:
    with opened(ram_bytes=10) as store:
        first = store.put(TOKENS, b"12345678")
        assert store.put(TOKENS, b"abcdefghij") == first
        assert bytes_of(store, first.key) == b"abcdefghij"


def test_the_least_recently_used_goes_first() -> None:
    with opened(ram_bytes=30) as store:
        a, b, c = (store.put((n,), b"0123456789").key for n in range(3))
        assert bytes_of(store, a)
        assert store.put((3,), b"0123456789").dropped == (b,)
        assert store.get(b or 0) is None
        assert bytes_of(store, c)
        assert len(store.put((4,), b"x" * 20).dropped) == 2


def test_what_is_kept_goes_last() -> None:
    with opened(ram_bytes=20) as store:
        kept = store.put((0,), b"0123456789", keep=True).key
        other = store.put((1,), b"0123456789").key
        assert store.put((2,), b"0123456789").dropped == (other,)
        assert store.put((3,), b"x" * 20).dropped[-1] == kept


@pytest.mark.parametrize("ram_bytes", [0, len(DATA) - 1])
def test_a_state_beyond_the_bound_is_refused(ram_bytes: int) -> None:
    with opened(ram_bytes=ram_bytes) as store:
        assert store.put(TOKENS, DATA) == Stored(None)
        assert store.put(TOKENS, DATA, keep=True) == Stored(None)
        assert store.saved() == ()


@given(
    operations=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 40), st.booleans()), max_size=60
    ),
    ram_bytes=st.integers(0, 100),
)
def test_memory_stays_within_its_bound_and_nothing_is_mixed_up(
    operations: list[tuple[int, int, bool]], ram_bytes: int
) -> None:
    held: dict[int, bytes] = {}
    with opened(ram_bytes=ram_bytes) as store:
        for number, (token, size, keep) in enumerate(operations):
            data = bytes([number]) * size
            stored = store.put((token, token), data, keep=keep)
            assert (stored.key is None) == (size > ram_bytes) or stored.key in held
            for key in stored.dropped:
                del held[key]
                assert store.get(key) is None
            if stored.key is not None:
                held[stored.key] = data
            saved = store.saved()
            assert sum(one.size_bytes for one in saved) <= ram_bytes
            assert {one.key for one in saved} == set(held)
            assert len({one.tokens for one in saved}) == len(saved)
        for key, data in held.items():
            assert bytes_of(store, key) == data


def test_only_what_is_kept_is_written(tmp_path: Path) -> None:
    with opened(tmp_path / "states") as store:
        store.put((1,), b"private")
        assert not (tmp_path / "states").exists()
        store.put((2,), b"the packed prompt", keep=True)
    [file] = (tmp_path / "states").iterdir()
    assert b"private" not in file.read_bytes()


def test_conversations_pushed_out_of_memory_are_not_written(tmp_path: Path) -> None:
    with opened(tmp_path / "states", ram_bytes=10) as store:
        for token in range(10):
            store.put((token,), b"0123456789")
    assert not (tmp_path / "states").exists()


def test_the_next_process_finds_what_was_kept(tmp_path: Path) -> None:
    with opened(written(tmp_path / "states")) as store:
        [saved] = store.saved()
        assert (saved.tokens, saved.size_bytes, saved.tier) == (TOKENS, len(DATA), "disk")
        assert bytes_of(store, saved.key) == DATA
        assert store.saved()[0].tier == "ram"


def test_without_memory_the_folder_alone_serves(tmp_path: Path) -> None:
    with opened(tmp_path / "states", ram_bytes=0) as store:
        key = store.put(TOKENS, DATA, keep=True).key
        assert bytes_of(store, key) == DATA
    with opened(tmp_path / "states", ram_bytes=0) as store:
        [saved] = store.saved()
        assert [bytes_of(store, saved.key) for _ in range(2)] == [DATA, DATA]
        assert store.saved()[0].tier == "disk"


def test_what_leaves_memory_is_still_on_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "states", ram_bytes=len(DATA)) as store:
        kept = store.put(TOKENS, DATA, keep=True).key
        assert store.put((9,), bytes(len(DATA))).dropped == ()
        assert bytes_of(store, kept) == DATA


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = written(tmp_path / "states")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_a_prompt_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    folder = written(tmp_path / "states")
    [file] = folder.iterdir()
    os.utime(file, (1, 1))
    before = file.stat().st_ino
    written(folder)
    assert file.stat().st_ino == before
    assert file.stat().st_mtime > 1, "it counts as used"


def test_a_file_that_another_process_removed_is_written_again(tmp_path: Path) -> None:
    with opened(written(tmp_path / "states")) as store:
        for file in (tmp_path / "states").iterdir():
            file.unlink()
        store.put(TOKENS, DATA, keep=True)
    assert len(list((tmp_path / "states").iterdir())) == 1


def test_a_file_that_another_process_removed_is_forgotten(tmp_path: Path) -> None:
    with opened(written(tmp_path / "states")) as store:
        [saved] = store.saved()
        for file in (tmp_path / "states").iterdir():
            file.unlink()
        assert store.get(saved.key) is None
        assert store.saved() == ()


def test_the_folder_is_bounded_in_files(tmp_path: Path) -> None:
    for token in range(8):
        written(tmp_path / "states", (token,))
    with opened(tmp_path / "states") as store:
        assert sorted(saved.tokens[0] for saved in store.saved()) == [4, 5, 6, 7]
    assert len(list((tmp_path / "states").iterdir())) == 4


def test_the_folder_is_bounded_in_bytes_whoever_wrote_them(tmp_path: Path) -> None:
    for token in range(3):
        with opened(tmp_path / "states", disk_bytes=3000, fingerprint=bytes([token])) as store:
            store.put((token,), DATA, keep=True)
    assert sum(file.stat().st_size for file in (tmp_path / "states").iterdir()) <= 3000
    with opened(tmp_path / "states", disk_bytes=3000) as store:
        store.put((9,), bytes(3000), keep=True)
    assert len(list((tmp_path / "states").iterdir())) == 2, "what cannot fit removes nothing"


def test_another_fingerprint_finds_nothing(tmp_path: Path) -> None:
    with opened(written(tmp_path / "states"), fingerprint=FINGERPRINT + b"!") as store:
        assert store.saved() == ()


def test_many_prompts_at_once_do_not_pile_up(tmp_path: Path) -> None:
    with opened(tmp_path / "states", ram_bytes=0) as store:
        taken = [store.put((token,), DATA, keep=True).key for token in range(100)]
        assert sum(key is not None for key in taken) >= 1
    assert len(list((tmp_path / "states").iterdir())) <= 4


def not_a_folder(folder: Path) -> None:
    folder.write_bytes(b"")


def below_a_file(folder: Path) -> None:
    folder.parent.rmdir()
    folder.parent.write_bytes(b"")


def a_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to(folder.parent / "elsewhere")


def writable_by_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


class Heard(logging.Handler):
    """`event` is set by the first line in the log; `lines` has them all."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.event.set()


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler = Heard()
    logging.getLogger("llamapack_runtime").addHandler(handler)
    yield handler
    logging.getLogger("llamapack_runtime").removeHandler(handler)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("spoil", [not_a_folder, below_a_file, a_link, writable_by_all])
def test_an_unusable_folder_is_one_line_in_the_log(
    tmp_path: Path, heard: Heard, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "parent" / "states"
    folder.parent.mkdir()
    spoil(folder)
    with opened(folder) as store:
        key = store.put(TOKENS, DATA, keep=True).key
        assert heard.event.wait(10)
        store.put((7,), DATA, keep=True)
        assert bytes_of(store, key) == DATA
    assert len(heard.lines) == 1
    assert "Prompt states are not kept on disk" in heard.lines[0]
    assert not folder.is_dir() or not list(folder.iterdir())


def test_a_full_disk_is_one_line_in_the_log(tmp_path: Path, heard: Heard) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no such limit")
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(tmp_path / "states") as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
        try:
            key = store.put(TOKENS, DATA, keep=True).key
            assert heard.event.wait(10)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert bytes_of(store, key) == DATA
        assert bytes_of(store, store.put((7,), DATA, keep=True).key) == DATA
    assert len(heard.lines) == 1
    assert list((tmp_path / "states").iterdir()) == []


def test_what_could_not_be_written_is_forgotten_without_memory(
    tmp_path: Path, heard: Heard
) -> None:
    with opened(tmp_path / "states", ram_bytes=0) as store:
        (tmp_path / "states").write_bytes(b"")
        key = store.put(TOKENS, DATA, keep=True).key
        assert heard.event.wait(10)
        store.put((7,), DATA, keep=True)
        assert store.get(key or 0) is None


def test_close_may_be_called_twice(tmp_path: Path) -> None:
    with opened(tmp_path / "states") as store:
        key = store.put(TOKENS, DATA, keep=True).key
        store.close()
        assert store.get(key or 0) is None
