"""Files of states that were damaged, planted, interrupted or written by two at once."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.state_file import DIGEST_BYTES, StateHead, digest
from llamapack_runtime.engine.state_folder import MAX_FILES, InterruptedSaveError, StateFolder
from llamapack_runtime.engine.states import StateStore

PRINT = bytes(DIGEST_BYTES)
TOKENS = (5, 6, 2**31 - 1)
DATA = b"the state of a sequence"
MAX_BYTES = 1 << 20


def open_folder(path: Path, fingerprint: bytes = PRINT) -> StateFolder:
    return StateFolder(path, max_bytes=MAX_BYTES, fingerprint=fingerprint)


def found(folder: StateFolder) -> bytes | None:
    """The data by way of the heads, as the store does it."""
    for path, head in folder.heads():
        data = folder.load(path, head.tokens)
        if data is not None:
            assert head.tokens == TOKENS, "damaged tokens were believed"
            return bytes(data)
    return None


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file, which the tests spoil and write anew."""
    return open_folder(tmp_path_factory.mktemp("parent") / "states").save(TOKENS, DATA)


@pytest.fixture(scope="module")
def whole(saved: Path) -> bytes:
    return saved.read_bytes()


def test_a_whole_file_is_found(saved: Path, whole: bytes) -> None:
    saved.write_bytes(whole)
    assert found(open_folder(saved.parent)) == DATA


def test_no_damaged_byte_is_believed(saved: Path, whole: bytes) -> None:
    for position in range(len(whole)):
        for flipped in (0x01, 0x80, 0xFF):
            spoilt = bytearray(whole)
            spoilt[position] ^= flipped
            saved.write_bytes(spoilt)
            assert found(open_folder(saved.parent)) is None, f"byte {position}"


def test_damage_after_the_heads_were_read_is_found(saved: Path, whole: bytes) -> None:
    for position in range(len(whole)):
        saved.write_bytes(whole)
        store = StateFolder(saved.parent, max_bytes=MAX_BYTES, fingerprint=PRINT)
        [(path, head)] = store.heads()
        saved.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert store.load(path, head.tokens) is None


def test_a_truncated_file_is_not_believed(saved: Path, whole: bytes) -> None:
    for length in range(len(whole)):
        saved.write_bytes(whole[:length])
        assert found(open_folder(saved.parent)) is None
    saved.write_bytes(whole + b"\0")
    assert found(open_folder(saved.parent)) is None


@given(st.binary(max_size=300), st.integers(0, 200))
def test_garbage_is_not_believed(saved: Path, whole: bytes, garbage: bytes, keep: int) -> None:
    spoilt = whole[:keep] + garbage
    saved.write_bytes(spoilt)
    assert (found(open_folder(saved.parent)) == DATA) == (spoilt == whole)


@pytest.mark.parametrize("n_tokens", [2**20 + 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("data_bytes", [len(DATA), 2**40, 2**64 - 1])
def test_hostile_lengths_take_no_memory(saved: Path, n_tokens: int, data_bytes: int) -> None:
    fields = struct.pack("<8sII32sQ32s", b"LPSTATE\n", 1, n_tokens, PRINT, data_bytes, digest(DATA))
    saved.write_bytes(fields + digest(fields) + DATA)
    assert found(open_folder(saved.parent)) is None


def test_a_sparse_giant_is_not_read(saved: Path) -> None:
    """Its head is right, its size too, and it has a terabyte."""
    saved.write_bytes(StateHead(PRINT, TOKENS, 1 << 40, bytes(DIGEST_BYTES)).to_bytes())
    os.truncate(saved, saved.stat().st_size + (1 << 40))
    assert found(open_folder(saved.parent)) is None
    saved.unlink()


def test_another_fingerprint_is_not_believed(saved: Path, whole: bytes) -> None:
    saved.write_bytes(whole)
    assert found(open_folder(saved.parent, b"\1" * DIGEST_BYTES)) is None


def test_the_state_of_other_tokens_is_not_taken_for_it(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "states")
    path, other = folder.save(TOKENS, DATA), folder.save((1,), b"other")
    other.replace(path)
    assert folder.load(path, TOKENS) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_only_plain_files_of_this_user_are_read(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "states")
    path = folder.save(TOKENS, DATA)
    path.chmod(0o666)
    assert found(folder) is None
    path.chmod(0o600)
    assert found(folder) == DATA
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert found(folder) is None
    path.unlink()
    path.mkdir()
    assert found(folder) is None


def test_a_pipe_does_not_hold_us_up(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no such files")
    folder = open_folder(tmp_path / "states")
    path = folder.save(TOKENS, DATA)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert found(folder) is None


def test_a_planted_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "states")
    path = folder.save(TOKENS, DATA)
    path.unlink()
    (tmp_path / "precious").write_bytes(b"precious")
    path.symlink_to(tmp_path / "precious")
    folder.save(TOKENS, DATA)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert found(folder) == DATA


def test_a_save_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "states")
    answers = iter([False, True])
    with pytest.raises(InterruptedSaveError):
        folder.save(TOKENS, DATA, lambda: next(answers))
    assert list((tmp_path / "states").iterdir()) == []


CHILD = """
import os, signal, sys
from pathlib import Path
from llamapack_runtime.engine.state_folder import StateFolder
folder = StateFolder(Path(sys.argv[1]), max_bytes=1 << 20, fingerprint=bytes(32))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_before_the_rename_leaves_no_state_and_is_cleaned_up(
    tmp_path: Path, moment: str
) -> None:
    """The process dies at its call of the system, with all data in the temporary file."""
    place = {"fsync": "os.fsync", "replace": "Path.replace"}[moment]
    kill = f"{place} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    save = f"folder.save({TOKENS}, {DATA!r})\n"
    ran = subprocess.run(
        [sys.executable, "-c", CHILD + kill + save, tmp_path / "states"], check=False
    )
    assert ran.returncode == -9
    [left] = (tmp_path / "states").iterdir()
    assert DATA in left.read_bytes()
    folder = open_folder(tmp_path / "states")
    assert found(folder) is None
    assert list((tmp_path / "states").iterdir()) == []


def test_the_file_that_another_is_writing_is_left_alone(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "states")
    seen: list[int] = []

    def another_process_starts() -> bool:
        ran = subprocess.run([sys.executable, "-c", CHILD, tmp_path / "states"], check=True)
        seen.append(ran.returncode)
        return False

    folder.save(TOKENS, DATA, another_process_starts)
    assert len(seen) >= 2
    assert found(folder) == DATA


def test_two_processes_at_the_same_moment(tmp_path: Path) -> None:
    """Each saves twenty states of its own and one that both have, and reads them all the time."""
    script = (
        CHILD
        + """
mine = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(20):
    folder.save((mine, turn), bytes([mine]) * 5000)
    folder.save((7,), b"both" * 2000)
    StateFolder(Path(sys.argv[1]), max_bytes=1 << 20, fingerprint=bytes(32))
    for path, head in folder.heads():
        data = folder.load(path, head.tokens)
        right = b"both" * 2000 if head.tokens == (7,) else bytes([head.tokens[0]]) * 5000
        assert data is None or data == right, head
"""
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "states"), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    left = list((tmp_path / "states").iterdir())
    assert {path.suffix for path in left} == {".state"}
    assert 1 <= len(left) <= MAX_FILES


def test_a_store_that_met_a_damaged_file_writes_it_anew(tmp_path: Path) -> None:
    def open_store() -> StateStore:
        return StateStore(
            ram_bytes=0, folder=tmp_path / "states", disk_bytes=MAX_BYTES, fingerprint=b"x"
        )

    store = open_store()
    store.put(TOKENS, DATA, keep=True)
    store.close()
    for file in (tmp_path / "states").iterdir():
        with file.open("r+b") as opened:
            opened.seek(-1, os.SEEK_END)
            opened.write(b"?")
    store = open_store()
    [saved] = store.saved()
    assert store.get(saved.key) is None
    assert store.saved() == ()
    store.put(TOKENS, DATA, keep=True)
    store.close()
    store = open_store()
    [saved] = store.saved()
    assert store.get(saved.key) == DATA
    store.close()
