"""The state that came with the pack: found in place, never changed, and never believed when it is
damaged or belongs to something else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llamapack_runtime.engine.state_file import StateHead, StateRange, digest, parts_of
from llamapack_runtime.engine.states import StateStore

FINGERPRINT = b"one model, one engine"
TOKENS = (1, 2, 3)
DATA = bytes(range(256)) * 4
BEFORE, AFTER = b"the launcher and the model", b"the manifest"
LOGGER = "llamapack_runtime.engine.states"


def state_bytes(fingerprint: bytes = FINGERPRINT, data: bytes = DATA) -> bytes:
    head = StateHead.of(digest(fingerprint), TOKENS, data)
    return b"".join(map(bytes, parts_of(head, data, 100)))


@pytest.fixture
def pack(tmp_path: Path) -> StateRange:
    return write_pack(tmp_path / "pack", state_bytes())


def write_pack(path: Path, state: bytes) -> StateRange:
    path.write_bytes(BEFORE + state + AFTER)
    return StateRange(path, len(BEFORE), len(state))


@contextmanager
def opened(
    packed: StateRange, folder: Path | None = None, *, ram_bytes: int = 1 << 20
) -> Iterator[StateStore]:
    store = StateStore(
        ram_bytes=ram_bytes,
        folder=folder,
        disk_bytes=1 << 20,
        fingerprint=FINGERPRINT,
        packed=packed,
    )
    try:
        yield store
    finally:
        store.close()


def only_data(store: StateStore) -> bytes | None:
    """Of the one state that is known, if it is."""
    for saved in store.saved():
        assert saved.tokens == TOKENS
        data = store.get(saved.key)
        return None if data is None else bytes(data)
    return None


@pytest.mark.parametrize("ram_bytes", [0, 1 << 20])
def test_it_is_there_at_the_start(pack: StateRange, ram_bytes: int) -> None:
    with opened(pack, ram_bytes=ram_bytes) as store:
        [saved] = store.saved()
        assert (saved.tokens, saved.size_bytes, saved.tier) == (TOKENS, len(DATA), "disk")
        assert [only_data(store), only_data(store)] == [DATA, DATA]


def test_it_is_not_written_to_the_disk_a_second_time(pack: StateRange, tmp_path: Path) -> None:
    before = pack.path.read_bytes()
    with opened(pack, tmp_path / "states") as store:
        assert only_data(store) == DATA
    assert not (tmp_path / "states").exists()
    assert pack.path.read_bytes() == before


def test_it_stays_when_memory_is_needed_for_others(pack: StateRange) -> None:
    with opened(pack, ram_bytes=len(DATA)) as store:
        [saved] = store.saved()
        assert only_data(store) == DATA
        assert store.put((9,), bytes(len(DATA))).dropped == ()
        data = store.get(saved.key)
        assert data is not None
        assert bytes(data) == DATA


def test_no_damaged_byte_is_believed(pack: StateRange) -> None:
    whole = pack.path.read_bytes()
    for position in range(pack.offset, pack.offset + pack.size):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << position % 8
        pack.path.write_bytes(spoilt)
        with opened(pack) as store:
            assert only_data(store) is None


@pytest.mark.parametrize("size", [0, 1, 87, 88, 200, -1])
def test_a_range_of_another_size_is_not_believed(pack: StateRange, size: int) -> None:
    size = size if size >= 0 else pack.size + 1
    with opened(StateRange(pack.path, pack.offset, size)) as store:
        assert store.saved() == ()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (state_bytes(FINGERPRINT + b"!"), "another model, engine or cache type"),
        (b"?" + state_bytes()[1:], "it is damaged"),
        (b"", "it is damaged"),
    ],
)
def test_what_cannot_be_used_is_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, state: bytes, words: str
) -> None:
    with (
        caplog.at_level(logging.WARNING, LOGGER),
        opened(write_pack(tmp_path / "my chat", state), tmp_path / "states") as store,
    ):
        assert store.saved() == ()
    [line] = caplog.messages
    assert line.startswith("The prompt state in my chat is not used")
    assert words in line


def test_what_replaces_a_damaged_one_is_kept_on_disk_and_found_first(
    tmp_path: Path, pack: StateRange
) -> None:
    spoilt = write_pack(pack.path, state_bytes()[:-1] + b"?")
    with opened(spoilt, tmp_path / "states") as store:
        [damaged] = store.saved()
        assert store.get(damaged.key) is None
        assert store.saved() == ()
        assert store.put(TOKENS, DATA, keep=True).key is not None
    with opened(spoilt, tmp_path / "states") as store:
        assert only_data(store) == DATA


def test_one_that_is_replaced_does_not_come_back(tmp_path: Path) -> None:
    """llama.cpp refuses a state whose bytes are whole."""
    refused = write_pack(tmp_path / "pack", state_bytes(data=b"not for this cache"))
    with opened(refused, tmp_path / "states", ram_bytes=len(DATA)) as store:
        assert only_data(store) == b"not for this cache"
        store.put(TOKENS, DATA, keep=True)
        assert only_data(store) == DATA
    with opened(refused, tmp_path / "states") as store:
        assert only_data(store) == DATA


def test_without_the_folder_the_pack_serves_again(tmp_path: Path, pack: StateRange) -> None:
    spoilt = write_pack(tmp_path / "spoilt", state_bytes()[:-1] + b"?")
    with opened(spoilt, tmp_path / "states") as store:
        assert only_data(store) is None
        store.put(TOKENS, DATA, keep=True)
    with opened(pack, tmp_path / "states", ram_bytes=0) as store:
        assert only_data(store) == DATA
        for file in (tmp_path / "states").iterdir():
            file.unlink()
        assert only_data(store) == DATA


def test_a_pack_that_is_gone_or_another_one_by_then_gives_nothing(pack: StateRange) -> None:
    other = state_bytes(FINGERPRINT + b"!")
    with opened(pack) as store:
        write_pack(pack.path, other)
        assert only_data(store) is None
    write_pack(pack.path, state_bytes())
    with opened(pack) as store:
        pack.path.unlink()
        assert only_data(store) is None
    with opened(pack) as store:
        assert store.saved() == ()
