"""Runtime images that would write outside their tree, or that our writer never makes."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest
import zstandard

from launcher.packs import Member, compress, image, pack, program, tar
from launcher.starts import Start

LINK = tarfile.SYMTYPE
FOLDER = tarfile.DIRTYPE


def link(name: str, target: str) -> Member:
    return Member(name, type=LINK, link=target)


HOSTILE = {
    "absolute": [Member("/tmp/llamapack-escaped")],  # noqa: S108 - refused, never written
    "parent": [Member("../escaped")],
    "parent inside": [Member("a/../../escaped")],
    "dot": [Member("./a")],
    "empty part": [Member("a//b")],
    "backslash": [Member("a\\b")],
    "colon": [Member("C:a")],
    "control": [Member("a\nb")],
    "marker": [Member(".complete", b"llamapack tree 1\nend\n")],
    "twice": [Member("a"), Member("a")],
    "the program twice": [program()],
    "file as a folder": [Member("a"), Member("a/b")],
    "folder as a file": [Member("a/b"), Member("a")],
    "absolute link": [link("a", "/etc/passwd")],
    "link out": [link("a", "../x")],
    "link out of a folder": [link("d/a", "../../x")],
    "link through a name": [Member("d/x"), link("a", "d/../../x")],
    "link to itself's folder": [link("d/a", "..")],
    "link to nothing": [link("a", "")],
    "link to a dot": [link("a", "./b")],
    "write through a link": [link("a", "b"), Member("b/x"), Member("a/y")],
    "write through a link to a folder": [Member("b", type=FOLDER), link("a", "b"), Member("a/y")],
    "link through a link": [Member("p/q/x"), link("l", "p/q"), link("l/m", "../../../x")],
    "link over a folder": [Member("a/b"), link("a", "x")],
    "link twice": [link("a", "b"), link("a", "c")],
    "hard link": [Member("a"), Member("b", type=tarfile.LNKTYPE, link="a")],
    "fifo": [Member("a", type=tarfile.FIFOTYPE)],
    "device": [Member("a", type=tarfile.CHRTYPE)],
    "contiguous": [Member("a", type=tarfile.CONTTYPE)],
    "folder with data": [Member("a", b"data", type=FOLDER)],
    "link with data": [Member("a", b"data", type=LINK, link="b")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_refused(
    launcher: bytes, tmp_path: Path, start: Start, name: str
) -> None:
    place = pack(launcher, image(*HOSTILE[name])).save(tmp_path / "chat")
    assert "its runtime" in start.refuse(place, 65)
    cache = start.home / ".cache" / "llamapack" / "runtime"
    assert [path.name for path in cache.iterdir()] == ["lock"]
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_in_other_formats_are_refused(
    launcher: bytes, tmp_path: Path, start: Start, kind: int
) -> None:
    plain = tar([program(), Member("long" * 70)], kind)
    place = pack(launcher, compress(plain)).save(tmp_path / "chat")
    assert "its runtime" in start.refuse(place, 65)


# Offsets in a ustar header: size, check sum, kind, magic.
@pytest.mark.parametrize(
    ("at", "value"),
    [
        (124, b"77777777777\0"),
        (124, b"\x80\0\0\0\0\0\0\0\xff\xff\xff\xff"),
        (124, b"-1\0"),
        (124, b"        \0"),
        (148, b"0000000\0"),
        (257, b"USTAR\0"),
        (156, b"\xff"),
        (100, b"rwxr-xr\0"),
    ],
)
@pytest.mark.parametrize("fix_sum", [False, True])
def test_a_broken_header_is_refused(
    launcher: bytes, tmp_path: Path, start: Start, at: int, value: bytes, fix_sum: bool
) -> None:
    plain = bytearray(tar([program()]))
    plain[at : at + len(value)] = value
    if fix_sum and at != 148:
        total = sum(plain[:148]) + 8 * ord(" ") + sum(plain[156:512])
        plain[148:156] = b"%06o\0 " % total
    place = pack(launcher, compress(bytes(plain))).save(tmp_path / "chat")
    assert "its runtime" in start.refuse(place, 65)


def bomb() -> bytes:
    """A sound image of a little more than 2 GiB of zeros, in a few hundred KB."""
    info = tarfile.TarInfo("zeros")
    info.size = 2**31
    out = io.BytesIO()
    with zstandard.ZstdCompressor(level=1).stream_writer(out, closefd=False) as stream:
        stream.write(tar([program()])[: 2 * 512] + info.tobuf(tarfile.USTAR_FORMAT))
        zeros = bytes(2**24)
        for _ in range(2**31 // len(zeros)):
            stream.write(zeros)
        stream.write(bytes(1024))
    return out.getvalue()


@pytest.mark.slow
def test_a_bomb_is_refused(launcher: bytes, tmp_path: Path, start: Start) -> None:
    place = pack(launcher, bomb()).save(tmp_path / "chat")
    assert "its runtime" in start.refuse(place, 65)


def test_rights_beyond_ours_are_not_given(launcher: bytes, tmp_path: Path, start: Start) -> None:
    members = [Member("suid", mode=0o6777), Member("open", mode=0o666), Member("none", mode=0)]
    tree = start.show(pack(launcher, image(*members)).save(tmp_path / "chat")).tree
    modes = {m.name: stat.S_IMODE((tree / m.name).stat().st_mode) for m in members}
    assert modes == {"suid": 0o755, "open": 0o644, "none": 0o644}


def test_links_that_stay_inside_are_made(launcher: bytes, tmp_path: Path, start: Start) -> None:
    members = [
        Member("p/q/data", b"x"),
        link("l", "p/q"),
        link("m", "l/data"),
        link("p/up", "../p/q/data"),
        link("dangling", "later"),
    ]
    tree = start.show(pack(launcher, image(*members)).save(tmp_path / "chat")).tree
    assert (tree / "m").read_bytes() == (tree / "p" / "up").read_bytes() == b"x"
    assert (tree / "dangling").is_symlink()
