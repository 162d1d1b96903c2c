"""Which folder the launcher unpacks to, and what it says of the ones it cannot use."""

# ruff: noqa: S108 - the shared folders are what these tests are about, and they hide the real ones

from __future__ import annotations

import os
import pwd
import stat
import sys
from pathlib import Path

import pytest

from launcher.packs import Member, Packed, image, pack
from launcher.starts import Start

if sys.platform == "win32":
    pytest.skip("POSIX alone has these folders and signals", allow_module_level=True)

NO_CACHE = 73
OTHER_USER = 65534
ROOM = 2 * 1024 * 1024

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(scope="session")
def packed(launcher: bytes) -> Packed:
    return pack(launcher)


@pytest.fixture
def place(tmp_path: Path, packed: Packed) -> Path:
    return packed.save(tmp_path / "chat")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a cache"
    path.mkdir(mode=0o755)
    return path


def default(start: Start) -> Path:
    return start.home / ".cache" / "llamapack"


def shared(name: str) -> Path:
    return Path(name) / f"llamapack-{os.geteuid()}"


# -- the order --


def test_the_chosen_folder_is_made(place: Path, start: Start, tmp_path: Path) -> None:
    chosen = tmp_path / "not yet" / "there"
    assert start.show(place, LLAMAPACK_CACHE=str(chosen)).cache == chosen
    assert {stat.S_IMODE(path.stat().st_mode) for path in (chosen, chosen / "runtime")} == {0o700}


def test_a_relative_folder_is_taken_from_here(place: Path, start: Start) -> None:
    assert start.show(place, LLAMAPACK_CACHE="here").cache == start.home / "here"


def test_the_platform_folder_comes_next(place: Path, start: Start, tmp_path: Path) -> None:
    chosen = str(tmp_path / "xdg")
    assert start.show(place, XDG_CACHE_HOME=chosen).cache == Path(chosen) / "llamapack"
    assert start.show(place, XDG_CACHE_HOME="relative").cache == default(start)
    assert start.show(place, LLAMAPACK_CACHE="", XDG_CACHE_HOME="").cache == default(start)


def test_without_home_the_users_entry_is_read(place: Path, start: Start) -> None:
    home = pwd.getpwuid(os.geteuid()).pw_dir
    hidden = start.after(f"mount -t tmpfs tmpfs '{home}'")
    assert hidden.show(place, HOME="").cache == Path(home) / ".cache" / "llamapack"


def test_a_home_that_does_not_exist_is_not_made(place: Path, start: Start, tmp_path: Path) -> None:
    home = tmp_path / "no" / "home"
    shown = start.after("mount -t tmpfs tmpfs /var/tmp").show(place, HOME=str(home))
    assert shown.cache == shared("/var/tmp")
    assert not home.parent.exists()


# -- folders that cannot be used --


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        ("mount -t tmpfs -o ro tmpfs .", "it is read-only"),
        ("mount -t tmpfs -o noexec tmpfs .", "programs may not be run from there"),
        ("mount -t tmpfs -o size=64k tmpfs .; head -c 65536 /dev/zero > full", "the disk is full"),
        (f"mount -t tmpfs -o size={ROOM} tmpfs .", "the disk is full"),
    ],
)
def test_an_unusable_chosen_folder_is_named(
    launcher: bytes, folder: Path, start: Start, tmp_path: Path, setup: str, reason: str
) -> None:
    """The last case has room for the packed image, but not for what is in it."""
    place = pack(launcher, image(Member("zeros", bytes(2 * ROOM)))).save(tmp_path / "chat")
    inside = start.after(f"cd '{folder}'; {setup}")
    shown, note = inside.show_with_note(place, LLAMAPACK_CACHE=str(folder))
    assert shown.cache == default(start)
    assert f"{folder} ({reason})" in note


def test_a_full_disk_is_left_as_it_was(
    launcher: bytes, folder: Path, start: Start, tmp_path: Path
) -> None:
    place = pack(launcher, image(Member("zeros", bytes(2 * ROOM)))).save(tmp_path / "chat")
    script = tmp_path / "start"
    script.write_text('#!/bin/sh\n"$1" > /dev/null\nexec find "$LLAMAPACK_CACHE" -mindepth 2\n')
    script.chmod(0o755)
    inside = start.after(f"mount -t tmpfs -o size={ROOM} tmpfs '{folder}'")
    result = inside.run(script, str(place), LLAMAPACK_CACHE=str(folder))
    assert result.stdout.decode().splitlines() == [str(folder / "runtime" / "lock")]


def test_a_file_is_no_folder(place: Path, start: Start, tmp_path: Path) -> None:
    for chosen in (place, place / "below", tmp_path / ("long" * 70), Path("/long" * 1000)):
        shown, note = start.show_with_note(place, LLAMAPACK_CACHE=str(chosen))
        assert shown.cache == default(start)
        assert note.startswith("LLAMAPACK_CACHE cannot be used: ")


@needs_root
def test_another_users_folder_is_not_used(place: Path, folder: Path, start: Start) -> None:
    os.chown(folder, OTHER_USER, OTHER_USER)
    shown, note = start.show_with_note(place, LLAMAPACK_CACHE=str(folder))
    assert shown.cache == default(start)
    assert "it belongs to another user" in note


@needs_root
def test_another_users_tree_folder_is_not_used(place: Path, folder: Path, start: Start) -> None:
    (folder / "runtime").mkdir()
    os.chown(folder / "runtime", OTHER_USER, OTHER_USER)
    _, note = start.show_with_note(place, LLAMAPACK_CACHE=str(folder))
    assert "it belongs to another user" in note


@needs_root
def test_nothing_is_made_in_another_users_home(place: Path, start: Start) -> None:
    os.chown(start.home, OTHER_USER, OTHER_USER)
    shown = start.after("mount -t tmpfs tmpfs /var/tmp").show(place)
    assert shown.cache == shared("/var/tmp")
    assert list(start.home.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_chosen_folder_open_to_others_is_not_used(
    place: Path, folder: Path, start: Start, mode: int
) -> None:
    folder.chmod(mode)
    shown, note = start.show_with_note(place, LLAMAPACK_CACHE=str(folder))
    assert shown.cache == default(start)
    assert "other users may write to it" in note
    assert stat.S_IMODE(folder.stat().st_mode) == mode


def test_our_own_folder_is_closed_to_others(place: Path, start: Start) -> None:
    (default(start) / "runtime").mkdir(parents=True)
    for path in (default(start), default(start) / "runtime"):
        path.chmod(0o777)
    assert start.show(place).cache == default(start)
    for path in (default(start), default(start) / "runtime"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_link_for_the_trees_is_not_followed(place: Path, folder: Path, start: Start) -> None:
    target = folder.parent / "elsewhere"
    target.mkdir()
    (folder / "runtime").symlink_to(target)
    _, note = start.show_with_note(place, LLAMAPACK_CACHE=str(folder))
    assert "it is not a folder" in note
    assert list(target.iterdir()) == []


def test_a_link_to_another_disk_is_followed(place: Path, start: Start, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (start.home / ".cache").symlink_to(tmp_path / "disk")
    assert start.show(place).cache == default(start)
    assert (tmp_path / "disk" / "llamapack" / "runtime").is_dir()


# -- the last resorts. The pack is copied to /mnt, and the usual folders are hidden. --

HIDE = """
hide() {{ mount -t tmpfs -o "$2" tmpfs "$1"; }}
cp '{place}' /mnt/chat; mkdir /mnt/run /mnt/home
hide /mnt/home ro
"""
HIDDEN = {"HOME": "/mnt/home", "XDG_RUNTIME_DIR": "/mnt/run"}


def hidden(start: Start, place: Path, setup: str) -> Start:
    return start.after(HIDE.format(place=place) + setup)


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ("hide /var/tmp rw", shared("/var/tmp")),
        ("hide /var/tmp ro; hide /tmp rw", shared("/tmp")),
        ("hide /var/tmp noexec; hide /tmp size=4k", Path("/mnt/run/llamapack")),
        (
            "hide /var/tmp ro; hide /tmp ro; umask 077; rmdir /mnt/run; hide /dev/shm rw",
            shared("/dev/shm"),
        ),
        (f"hide /var/tmp rw; hide /tmp rw; ln -s /mnt {shared('/var/tmp')}", shared("/tmp")),
    ],
)
def test_fallbacks_in_order(
    launcher: bytes, start: Start, tmp_path: Path, setup: str, expected: Path
) -> None:
    place = pack(launcher, image(Member("data", os.urandom(100_000)))).save(tmp_path / "chat")
    setup += "\ncd /"
    shown = hidden(start, place, setup).show("/mnt/chat", **HIDDEN)
    assert shown.cache == expected


def test_when_no_folder_is_left_all_are_listed(place: Path, start: Start) -> None:
    setup = "hide /var/tmp ro; hide /tmp noexec; hide /dev/shm ro; mount -o remount,ro /mnt; cd /"
    message = hidden(start, place, setup).refuse("/mnt/chat", NO_CACHE, **HIDDEN)
    assert message.startswith("chat found no folder to unpack its programs to. Tried ")
    assert "/mnt/home/.cache/llamapack (it is read-only)" in message
    assert f"{shared('/var/tmp')} (it is read-only)" in message
    assert f"{shared('/tmp')} (programs may not be run from there)" in message
    assert "/mnt/run/llamapack (it is read-only)" in message
    assert f"{shared('/dev/shm')} (it is read-only)" in message
    assert "LLAMAPACK_CACHE" in message
