"""Folders and disks that cannot be used, are busy, full, or read-only."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.database import sentences
from llamapack_runtime.store.errors import (
    StoreBusy,
    StoreError,
    StoreFull,
)
from runtime.store.chat_files import message, opened, talk


def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be"):
        opened(blocker / "chats.sqlite3")
    (tmp_path / "chats.sqlite3").mkdir()
    with pytest.raises(StoreError, match="cannot be"):
        opened(tmp_path / "chats.sqlite3")


def test_a_file_that_another_holds_is_busy(path: Path) -> None:
    holder = sqlite3.connect(path.parent.parent / "held", isolation_level=None)
    other = sqlite3.connect(path.parent.parent / "held", isolation_level=None, timeout=0)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy, match="Another program"), sentences(path, "chats"):
        other.execute("BEGIN IMMEDIATE")
    holder.close()
    other.close()


def test_a_full_disk_takes_back_what_was_begun(path: Path) -> None:
    store = opened(path)
    asked, answer = talk(store, "Why?", "Because")
    [[pages]] = _writer(store).execute("PRAGMA page_count")
    _writer(store).execute(f"PRAGMA max_page_count = {pages + 10}")
    long = "x" * 100_000
    with pytest.raises(StoreFull, match="disk is full"):
        store.add_message(asked.chat, "user", long, parent=answer.id)
    with pytest.raises(StoreFull):
        store.save_answer(answer.id, "Because" + long, "", "answering")
    assert store.chat(asked.chat).messages == (asked, answer)
    _writer(store).execute("PRAGMA max_page_count = 100000")
    store.save_answer(answer.id, "Because" + long, "", "done")
    assert message(store, asked.chat, answer.id).content == "Because" + long
    store.close()


def _writer(store: ChatStore) -> sqlite3.Connection:
    with store._database.write() as connection:
        return connection


CAN_MOUNT = sys.platform == "linux" and shutil.which("unshare") is not None


def _in_a_small_disk(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in which $DISK is a file system of one mebibyte of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f'mount -t tmpfs -o size=1m tmpfs "$DISK" || exit 77\n{script}'
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command],
        env={**os.environ, "DISK": str(disk), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


FILL = """
import os, sys, time
from pathlib import Path
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import StoreError
filler = Path(os.environ["DISK"], "filler")
filler.write_bytes(bytes(400_000))
store = ChatStore.open(Path(os.environ["DISK"], "chats.sqlite3"), time.time_ns)
chat = store.create().id
try:
    for number in range(100):
        store.add_message(chat, "user", f"{number} " * 10_000, parent=None)
except StoreError as error:
    print(type(error).__name__, error)
kept = store.chat(chat).messages
filler.unlink()
added = store.add_message(chat, "user", "more", parent=kept[-1].id)
print(store.chat(chat).messages == (*kept, added), len(kept) == number > 0)
"""


@pytest.mark.skipif(not CAN_MOUNT, reason="needs unshare, to mount a file system of its own")
def test_on_a_disk_that_is_really_full_the_rest_stays(tmp_path: Path) -> None:
    done = _in_a_small_disk(tmp_path, f"\"$PYTHON\" -c '{FILL}'")
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.stdout.startswith("StoreFull The disk is full"), done.stdout + done.stderr
    assert done.stdout.endswith("True True\n"), done.stdout + done.stderr


READ = """
import os, time
from pathlib import Path
from llamapack_runtime.store.chats import ChatStore
from llamapack_runtime.store.errors import StoreError
try:
    ChatStore.open(Path(os.environ["DISK"], "chats.sqlite3"), time.time_ns).create()
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(not CAN_MOUNT, reason="needs unshare, to mount a file system of its own")
@pytest.mark.parametrize("exists", [False, True])
def test_a_disk_that_can_only_be_read_is_said_so(tmp_path: Path, exists: bool) -> None:
    run = f"\"$PYTHON\" -c '{READ}'\n"
    script = (run if exists else "") + f'mount -o remount,ro "$DISK" || exit 77\n{run}'
    done = _in_a_small_disk(tmp_path, script)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert "Chats cannot be kept" in done.stdout, done.stdout + done.stderr
