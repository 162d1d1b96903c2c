"""The runtime is unpacked once, whole, however many start it and whenever they are killed."""

from __future__ import annotations

import os
import pty
import random
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.packs import Member, Packed, compress, image, pack, program, tar
from launcher.starts import TIMEOUT_S, Start

if sys.platform == "win32":
    pytest.skip("POSIX alone has these folders and signals", allow_module_level=True)

TOGETHER = 8
KILLS = 20


@pytest.fixture(scope="session")
def packed(launcher: bytes) -> Packed:
    """Large enough that unpacking takes a while."""
    parts = [Member(f"part{n}/data", random.Random(n).randbytes(500_000)) for n in range(16)]
    return pack(launcher, image(*parts))


@pytest.fixture
def place(tmp_path: Path, packed: Packed) -> Path:
    return packed.save(tmp_path / "chat")


def trees(start: Start) -> Path:
    return start.home / ".cache" / "llamapack" / "runtime"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def snapshot(tree: Path) -> dict[str, tuple[int, int]]:
    """Which file lies where, and when it was last changed in any way."""
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_ctime_ns)
        for path in (tree, *tree.rglob("*"))
    }


def test_the_second_start_changes_nothing(place: Path, start: Start) -> None:
    tree = start.show(place).tree
    before = snapshot(trees(start))
    assert start.show(place).tree == tree
    assert snapshot(trees(start)) == before


def test_packs_with_the_same_runtime_share_it(
    launcher: bytes, place: Path, packed: Packed, start: Start, tmp_path: Path
) -> None:
    entry = packed.entries["runtime/linux-x86_64.tar.zst"]
    runtime = bytes(packed.data[entry.data_offset : entry.data_offset + entry.size])
    other = pack(launcher, runtime, {"model/other": b"x"}).save(tmp_path / "other")
    assert start.show(place).tree == start.show(other).tree
    assert start.show(place).tree.name == entry.sha256[:32]


def test_first_starts_together_unpack_once(place: Path, start: Start) -> None:
    # Each runtime names the inode of the tree it runs from: a second unpacking has another.
    script = b'#!/bin/sh\nexec stat -c %i "$(dirname "$0")"\n'
    parts = [Member(f"data{n}", random.Random(n).randbytes(500_000)) for n in range(16)]
    launcher = Path(os.environ["LLAMAPACK_TEST_LAUNCHER"]).read_bytes()
    pack(launcher, compress(tar([program(script), *parts]))).save(place)
    running = [
        subprocess.Popen([place], env=start.environment({}), stdout=subprocess.PIPE)
        for _ in range(TOGETHER)
    ]
    inodes = {process.communicate(timeout=TIMEOUT_S)[0] for process in running}
    assert [process.returncode for process in running] == [0] * TOGETHER
    assert len(inodes) == 1
    assert len(names(trees(start)) - {"lock"}) == 1


@pytest.mark.slow
def test_killed_at_any_moment_the_next_start_works(place: Path, start: Start) -> None:
    dice = random.Random(2)
    cut_short = 0
    for _ in range(KILLS):
        subprocess.run(["rm", "-rf", trees(start)], check=True)
        with subprocess.Popen(
            [place], env=start.environment({}), stdout=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(timeout=dice.uniform(0.001, 0.12))
            except subprocess.TimeoutExpired:
                process.kill()
                cut_short += 1
        tree = start.show(place).tree
        assert names(trees(start)) == {tree.name, "lock"}
        assert (tree / "part15" / "data").stat().st_size == 500_000
    assert cut_short > 0, "no start was killed before it ended"


def key_of(packed: Packed) -> str:
    return packed.entries["runtime/linux-x86_64.tar.zst"].sha256[:32]


def test_leftovers_of_dead_starts_are_removed(place: Path, start: Start) -> None:
    for name in ("dead.work", "f" * 32 + ".old"):
        (trees(start) / name / "folder").mkdir(parents=True)
        (trees(start) / name / "folder" / "file").touch()
    (trees(start) / "other").mkdir()
    tree = start.show(place).tree
    assert names(trees(start)) == {tree.name, "lock", "other"}


def moved_away(path: Path) -> Path:
    path.rename(path.with_name("away"))
    return path


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no program": lambda tree: (tree / "llamapack-runtime").unlink(),
    "a program that cannot run": lambda tree: (tree / "llamapack-runtime").chmod(0o000),
    "a file is missing": lambda tree: (tree / "part3" / "data").unlink(),
    "a file is empty": lambda tree: (tree / "part3" / "data").write_bytes(b""),
    "a folder instead": lambda tree: shutil.copytree(tree / "part3", moved_away(tree / "a")),
    "a link is missing": lambda tree: (tree / "link").unlink(),
    "no marker": lambda tree: (tree / ".complete").unlink(),
    "an empty marker": lambda tree: (tree / ".complete").write_bytes(b""),
    "a cut marker": lambda tree: os.truncate(
        tree / ".complete", (tree / ".complete").stat().st_size - 3
    ),
    "zeros for a marker": lambda tree: (tree / ".complete").write_bytes(bytes(100)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_tree_is_made_again(
    launcher: bytes, start: Start, tmp_path: Path, damage: str
) -> None:
    link = Member("link", type=b"2", link="a")
    runtime = image(Member("a", b"1"), Member("part3/data", b"22"), link)
    place = pack(launcher, runtime).save(tmp_path / "chat")
    tree = start.show(place).tree
    DAMAGE[damage](tree)
    assert start.show(place).tree == tree
    assert (tree / "part3" / "data").read_bytes() == b"22"
    assert (tree / "link").read_bytes() == b"1"
    assert names(trees(start)) == {tree.name, "lock"}


def test_an_image_without_a_program_is_refused(
    launcher: bytes, start: Start, tmp_path: Path
) -> None:
    for members in ([Member("other", mode=0o755)], [Member("llamapack-runtime", b"#!/bin/sh\n")]):
        place = pack(launcher, compress(tar(members))).save(tmp_path / "chat")
        assert "its runtime" in start.refuse(place, 65)
        assert names(trees(start)) == {"lock"}


def test_a_program_for_another_computer_is_named(
    launcher: bytes, start: Start, tmp_path: Path
) -> None:
    for data in (b"neither ELF nor script", b"#!/no/such/interpreter\n"):
        place = pack(launcher, compress(tar([program(data)]))).save(tmp_path / "chat")
        assert "cannot start the program" in start.refuse(place, 71)


# -- what a person sees --


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def read_terminal(ours: int) -> bytes:
    said = b""
    while select.select([ours], [], [], 0)[0]:
        try:
            said += os.read(ours, 65536)
        except OSError:  # EIO: the last writer is gone
            break
    return said


def hold_up(process: subprocess.Popen[bytes], start: Start) -> None:
    """Stop the launcher while it unpacks, and let it go on when half a second is over."""
    while not list(trees(start).glob("*.work")):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.005)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.6)
    process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_a_long_first_start_shows_progress(
    launcher: bytes, start: Start, tmp_path: Path, terminal: tuple[int, int]
) -> None:
    parts = [Member(f"data{n}", random.Random(n).randbytes(20_000_000)) for n in range(4)]
    place = pack(launcher, image(*parts)).save(tmp_path / "chat")
    ours, theirs = terminal
    with subprocess.Popen(
        [place], env=start.environment({}), stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        hold_up(process, start)
        assert process.wait(timeout=TIMEOUT_S) == 0
    assert b"Preparing the first start: 9" in read_terminal(ours)
    os.close(theirs)


def test_a_quick_start_says_nothing(place: Path, start: Start, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    start.show(place)
    subprocess.run(
        [place],
        env=start.environment({}),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        timeout=TIMEOUT_S,
        check=True,
    )
    os.close(theirs)
    assert read_terminal(ours) == b""


@pytest.mark.parametrize("program_name", ["zenity", "kdialog", "xmessage"])
@pytest.mark.parametrize("display", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_without_a_terminal_a_window_tells(
    launcher: bytes, start: Start, tmp_path: Path, program_name: str, display: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    window = tools / program_name
    window.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{pipe}'\n")
    window.chmod(0o755)
    place = Packed(bytearray(launcher)).save(tmp_path / "chat")
    reader = os.open(pipe, os.O_RDWR)
    try:
        message = start.refuse(place, 65, PATH=f"relative::{tools}", **{display: ":9"})
        assert select.select([reader], [], [], TIMEOUT_S)[0], "no window was opened"
        shown = os.read(reader, 65536).decode()
    finally:
        os.close(reader)
    assert message.strip() in shown


def test_without_a_display_no_window_is_tried(
    launcher: bytes, start: Start, tmp_path: Path
) -> None:
    window = tmp_path / "zenity"
    window.write_text(f"#!/bin/sh\ntouch '{tmp_path}/opened'\n")
    window.chmod(0o755)
    place = Packed(bytearray(launcher)).save(tmp_path / "chat")
    start.refuse(place, 65, PATH=str(tmp_path))
    assert not (tmp_path / "opened").exists()
