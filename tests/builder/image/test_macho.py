"""Mach-O files, made here by zig: for whom they are, and the oldest macOS that starts them."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from llamapack.image.errors import ImageError
from llamapack.image.macho import (
    is_macho,
    is_signed,
    macho_files,
    macos_floor,
    oldest_system,
    processors,
)
from llamapack.image.tools import tool_environment

ARM64, X86_64 = 0x0100000C, 0x01000007


def thin(processor: int, *commands: bytes) -> bytes:
    sizes = len(commands), sum(map(len, commands))
    return struct.pack("<8I", 0xFEEDFACF, processor, 0, 6, *sizes, 0, 0) + b"".join(commands)


def build_version(major: int, minor: int) -> bytes:
    return struct.pack("<6I", 0x32, 24, 1, major << 16 | minor << 8, 14 << 16, 0)


def version_min(major: int, minor: int) -> bytes:
    return struct.pack("<4I", 0x24, 16, major << 16 | minor << 8, 0)


SIGNATURE = struct.pack("<4I", 0x1D, 16, 0, 0)


def fat(*parts: tuple[int, bytes]) -> bytes:
    out, places = bytearray(4096 * (len(parts) + 1)), []
    for number, (processor, data) in enumerate(parts, 1):
        out[4096 * number : 4096 * number + len(data)] = data
        places.append(struct.pack(">5I", processor, 0, 4096 * number, len(data), 12))
    head = struct.pack(">II", 0xCAFEBABE, len(parts)) + b"".join(places)
    out[: len(head)] = head
    return bytes(out)


def test_the_newest_of_what_is_asked_for_counts(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(thin(X86_64, version_min(10, 13)))
    (tmp_path / "both").write_bytes(
        fat(
            (X86_64, thin(X86_64, version_min(10, 9), SIGNATURE)),
            (ARM64, thin(ARM64, SIGNATURE, build_version(11, 3))),
        )
    )
    (tmp_path / "text.txt").write_text("MacOS")
    (tmp_path / "Some.class").write_bytes(struct.pack(">II", 0xCAFEBABE, 65))
    (tmp_path / "link").symlink_to("old")
    assert [path.name for path in macho_files(tmp_path)] == ["both", "old"]
    assert oldest_system(tmp_path / "old") == (10, 13)
    assert processors(tmp_path / "both") == ("x86_64", "arm64")
    assert (is_signed(tmp_path / "both"), is_signed(tmp_path / "old")) == (True, False)
    assert macos_floor(tmp_path) == "11.3"


def test_a_folder_without_any_has_no_floor(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"\xcf")
    assert macos_floor(tmp_path) is None


@pytest.mark.parametrize(
    "data",
    [
        thin(ARM64, build_version(11, 0))[:-1],
        thin(ARM64, struct.pack("<2I", 0x32, 0), SIGNATURE),
        fat((ARM64, b""))[:20],
    ],
)
def test_a_damaged_file_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "program").write_bytes(data)
    with pytest.raises(ImageError, match="program is a damaged program file"):
        macos_floor(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "word"), [("aarch64", "arm64"), ("x86_64", "x86_64")])
def test_what_zig_links_is_read(tmp_path: Path, machine: str, word: str) -> None:
    tools = tool_environment(print)
    source, library = tmp_path / "a.c", tmp_path / "liba.dylib"
    source.write_text("int answer(void) { return 42; }\n")
    command = [*tools.zig, "cc", "-target", f"{machine}-macos.12.3", "-shared", str(source)]
    subprocess.run([*command, "-o", str(library)], env=tools.variables(), check=True)
    assert is_macho(library)
    assert processors(library) == (word,)
    assert macos_floor(tmp_path) == "12.3"
    assert is_signed(library) or word == "x86_64"
