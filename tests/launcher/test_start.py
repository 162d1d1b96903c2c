"""How the launcher finds itself and its archive, and what it gives to the runtime."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.packs import (
    MODEL,
    RUNTIME,
    Member,
    Packed,
    assemble,
    compress,
    image,
    manifest,
    pack,
    program,
    tar,
)
from launcher.starts import TIMEOUT_S, Shown, Start
from llamapack.writing.sidecar import end_of_program
from llamapack_runtime.pack import RuntimeInfo
from llamapack_runtime.pack import format as layout


@pytest.fixture(scope="session")
def packed(launcher: bytes) -> Packed:
    return pack(launcher)


@pytest.fixture
def place(tmp_path: Path, packed: Packed) -> Path:
    return packed.save(tmp_path / "chat")


def test_arguments_arrive_unchanged(place: Path, start: Start) -> None:
    given = ["--port", "0", "", "two words", "ünï", "-", "--"]
    assert start.show(place, *given).arguments == given


def test_the_runtime_learns_where_things_are(place: Path, start: Start) -> None:
    shown = start.show(place)
    cache = start.home / ".cache" / "llamapack"
    assert shown.environment["LLAMAPACK_PACK"] == str(place)
    assert shown.environment["LLAMAPACK_EXECUTABLE"] == str(place)
    assert shown.environment["LLAMAPACK_CACHE_DIR"] == str(cache)
    assert shown.tree.parent == cache / "runtime"


def test_hostile_variables_are_removed(place: Path, start: Start) -> None:
    hostile = {
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
        "PYTHONSTARTUP": "/nowhere",
        "LD_LIBRARY_PATH": "/nowhere",
        "_MEIPASS2": "/nowhere",
        "_PYI_ARCHIVE_FILE": "/nowhere",
        "LLAMAPACK_PACK": "/nowhere",
        "KEPT": "1",
        "PYTHO": "kept",
    }
    environment = start.show(place, **hostile).environment
    names = {name for name in environment if name.startswith(("PYTHON", "_MEI", "_PYI", "LD_"))}
    assert not names
    assert environment["LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH"] == "/nowhere"
    assert environment["LLAMAPACK_PACK"] == str(place)
    assert (environment["KEPT"], environment["PYTHO"]) == ("1", "kept")


def test_no_library_path_is_invented(place: Path, start: Start) -> None:
    environment = start.show(place, LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH="/stale").environment
    assert "LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH" not in environment


def test_the_exit_status_is_the_runtimes(launcher: bytes, tmp_path: Path, start: Start) -> None:
    runtime = compress(tar([program(b"#!/bin/sh\nexit 7\n")]))
    place = pack(launcher, runtime).save(tmp_path / "chat")
    assert start.run(place).returncode == 7


def test_symlink_and_other_folder(place: Path, start: Start, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(place)
    assert start.show(link).environment["LLAMAPACK_PACK"] == str(place)


def test_relative_path_and_path_search(place: Path, start: Start) -> None:
    for command, path in (("./chat", "/bin"), ("chat", str(place.parent))):
        output = subprocess.run(
            [command],
            cwd=place.parent,
            env=start.environment({"PATH": path + ":/usr/bin:/bin"}),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=True,
            executable=str(place) if command == "chat" else None,
        ).stdout
        assert Shown.parse(output).environment["LLAMAPACK_EXECUTABLE"] == str(place)


@pytest.mark.parametrize("name", ["renamed", "two words", "ünï ☂ 模型", "-dash", "it's %s\t$HOME"])
def test_any_name_and_folder(packed: Packed, tmp_path: Path, start: Start, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    place = packed.save(folder / name)
    assert start.show(place).environment["LLAMAPACK_PACK"] == str(place)


def test_sidecar_beside_a_bare_launcher(launcher: bytes, tmp_path: Path, start: Start) -> None:
    for name in ("bare", "bare.exe"):
        bare = Packed(bytearray(launcher)).save(tmp_path / name)
        sidecar = pack(b"").save(tmp_path / "bare.llamapack")
        sidecar.chmod(0o644)
        environment = start.show(bare).environment
        assert environment["LLAMAPACK_PACK"] == str(sidecar)
        assert environment["LLAMAPACK_EXECUTABLE"] == str(bare)


def save_app(folder: Path, launcher: bytes, archive: str = "chat.llamapack") -> Path:
    """As macOS has apps. The program of it."""
    for name in ("MacOS", "Resources"):
        (folder / "Contents" / name).mkdir(parents=True)
    pack(b"").save(folder / "Contents/Resources" / archive)
    return Packed(bytearray(launcher)).save(folder / "Contents/MacOS/chat")


def test_the_program_of_an_app_finds_its_archive(
    launcher: bytes, tmp_path: Path, start: Start
) -> None:
    app = tmp_path / "Chat for me.app"
    environment = start.show(save_app(app, launcher)).environment
    assert environment["LLAMAPACK_PACK"] == str(app / "Contents/Resources/chat.llamapack")
    moved = app.rename(tmp_path / "ünï ☂.app")
    environment = start.show(moved / "Contents/MacOS/chat").environment
    assert environment["LLAMAPACK_PACK"] == str(moved / "Contents/Resources/chat.llamapack")


def test_an_app_without_its_archive_says_so(launcher: bytes, tmp_path: Path, start: Start) -> None:
    program = save_app(tmp_path / "chat.app", launcher, archive="other.llamapack")
    said = start.refuse(program, 65)
    assert "The app is not complete: chat.llamapack is not in its folder" in said
    elsewhere = Packed(bytearray(launcher)).save(tmp_path / "MacOS")
    assert "is not a complete llamapack file" in start.refuse(elsewhere, 65)


def test_a_program_that_was_renamed_finds_its_sidecar(
    launcher: bytes, tmp_path: Path, start: Start
) -> None:
    program = launcher + end_of_program(tmp_path / "chat.llamapack")
    place = Packed(bytearray(program)).save(tmp_path / "Chat (1).exe")
    failed = start.run(place)
    assert failed.returncode == 65, failed
    assert b"Chat (1).exe needs the file chat.llamapack beside it" in failed.stderr
    sidecar = pack(launcher).save(tmp_path / "chat.llamapack")
    assert start.show(place).environment["LLAMAPACK_PACK"] == str(sidecar)


@pytest.mark.parametrize(
    "name", ["../chat.llamapack", "a/chat.llamapack", "chat.txt", "", "\0" * 9]
)
def test_only_a_name_in_the_same_folder_is_taken(
    launcher: bytes, tmp_path: Path, start: Start, name: str
) -> None:
    (tmp_path / "inside" / "a").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "inside" / "a"):
        pack(launcher).save(folder / "chat.llamapack")
    end = name.encode() + len(name).to_bytes(2, "little") + layout.SIDECAR_MARK
    place = Packed(bytearray(launcher + end)).save(tmp_path / "inside" / "program")
    assert b"is not a complete llamapack file" in start.run(place).stderr


def test_of_several_runtimes_it_takes_its_own(
    launcher: bytes, tmp_path: Path, start: Start
) -> None:
    others = ("runtime/windows-x86_64.tar.zst", "runtime/macos-arm64.tar.zst")
    own = RuntimeInfo(RUNTIME, "key", "2.17", {"entry": "1"})
    further = [RuntimeInfo(others[1], "key", None, {}), own]
    parts = [
        (others[0], b"for another system"),
        (others[1], b"for another system"),
        (RUNTIME, image()),
        (MODEL, b"no model"),
        (layout.MANIFEST_NAME, manifest(runtime=others[0], further=further)),
    ]
    place = assemble(launcher, parts).save(tmp_path / "chat")
    assert start.show(place).environment["LLAMAPACK_PACK"] == str(place)


@pytest.mark.parametrize("floor", [None, "2.99"])
def test_without_its_own_runtime_it_says_for_what(
    launcher: bytes, tmp_path: Path, start: Start, floor: str | None
) -> None:
    others = ("runtime/windows-x86_64.tar.zst", "runtime/macos-arm64.tar.zst")
    own = [] if floor is None else [RuntimeInfo(RUNTIME, "key", floor, {})]
    further = [RuntimeInfo(others[1], "key", None, {}), *own]
    told = manifest(runtime=others[0], further=further)
    parts = [(RUNTIME, image()), (others[0], b""), (others[1], b""), (layout.MANIFEST_NAME, told)]
    failed = start.run(assemble(launcher, parts).save(tmp_path / "chat"))
    expected = b"names no runtime for linux-x86_64" if floor is None else b"C library 2.99 or newer"
    assert expected in failed.stderr


def test_own_archive_comes_before_a_sidecar(place: Path, start: Start) -> None:
    place.with_name("chat.llamapack").write_bytes(b"not a pack")
    assert start.show(place).environment["LLAMAPACK_PACK"] == str(place)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_standard_streams(
    launcher: bytes, tmp_path: Path, start: Start, closed: tuple[int, ...]
) -> None:
    out = tmp_path / "out"
    script = f"#!/bin/sh\nfor n in 0 1 2; do readlink /proc/$$/fd/$n; done > '{out}'\n"
    place = pack(launcher, compress(tar([program(script.encode())]))).save(tmp_path / "chat")
    starter = f"import os; [os.close(n) for n in {closed}]; os.execv({str(place)!r}, ['chat'])"
    with (tmp_path / "stream").open("w+b") as stream:
        subprocess.run(
            [sys.executable, "-c", starter],
            env=start.environment({}),
            stdin=stream,
            stdout=stream,
            stderr=stream,
            timeout=TIMEOUT_S,
            check=True,
        )
    found = [line == "/dev/null" for line in out.read_text().splitlines()]
    assert found[0] == (0 in closed)
    assert found[2] == (2 in closed)


def test_the_mask_is_given_back(launcher: bytes, tmp_path: Path, start: Start) -> None:
    place = pack(launcher, compress(tar([program(b"#!/bin/sh\numask\n")]))).save(tmp_path / "chat")
    before = os.umask(0o077)
    try:
        result = start.run(place)
    finally:
        os.umask(before)
    assert result.stdout == b"0077\n"


def test_the_tree_is_the_image(launcher: bytes, tmp_path: Path, start: Start) -> None:
    long = "deep/" * 25 + "name" * 20
    members = [
        Member("folder", mode=0o755, type=b"5"),
        Member("folder/data", bytes(range(256)) * 4000),
        Member("empty"),
        Member("tool", b"x" * 512, 0o755),
        Member(long, b"long"),
        Member("folder/link", type=b"2", link="data"),
        Member("folder/up", type=b"2", link="../tool"),
        Member("alias", type=b"2", link="folder"),
    ]
    tree = start.show(pack(launcher, image(*members)).save(tmp_path / "chat")).tree
    for member in members[1:5]:
        assert (tree / member.name).read_bytes() == member.data
        assert (tree / member.name).stat().st_mode & 0o777 == member.mode
    assert (tree / "folder" / "link").readlink() == Path("data")
    assert (tree / "folder" / "up").read_bytes() == b"x" * 512
    assert (tree / "alias" / "data").is_file()


@pytest.mark.parametrize("floor", ["2.4", "2.17", "3.0", "odd"])
def test_a_recent_enough_c_library_is_no_reason(
    launcher: bytes, tmp_path: Path, start: Start, floor: str
) -> None:
    start.show(pack(launcher, floor=floor).save(tmp_path / "chat"))


def test_an_old_c_library_is_named(launcher: bytes, tmp_path: Path, start: Start) -> None:
    name, version = platform.libc_ver()
    if name != "glibc":
        pytest.skip("this computer has another C library")
    place = pack(launcher, floor="2.900").save(tmp_path / "chat")
    message = start.refuse(place, 69)
    assert f"has version {version}." in message
    assert "2.900 or newer" in message
    assert not (start.home / ".cache").exists()
