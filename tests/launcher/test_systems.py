"""The launcher of every system, compiled here: of the kind that the system starts."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from llamapack.image.launcher import build_launcher
from llamapack.image.sources import source_folder
from llamapack.image.tools import tool_environment
from llamapack.targets.table import TARGETS
from llamapack.targets.types import Target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ELF_MACHINES = {"linux-x86_64": 62, "linux-aarch64": 183}
MACHO_PROCESSORS = {"macos-x86_64": 0x01000007, "macos-arm64": 0x0100000C}
CODE_SIGNATURE = 0x1D  # LC_CODE_SIGNATURE of mach-o/loader.h


def is_for_linux(data: bytes, target: Target) -> bool:
    """64-bit little-endian ELF that asks for no loader (PT_INTERP): it is static."""
    machine = struct.unpack_from("<H", data, 18)[0]
    table = struct.unpack_from("<Q", data, 32)[0]
    size, count = struct.unpack_from("<HH", data, 54)
    kinds = {struct.unpack_from("<I", data, table + size * at)[0] for at in range(count)}
    is_elf = data.startswith(b"\x7fELF\x02\x01")
    return is_elf and machine == ELF_MACHINES[target.name] and 3 not in kinds


def is_for_macos(data: bytes, target: Target) -> bool:
    """A signed Mach-O program: Apple silicon starts no other."""
    magic, processor = struct.unpack_from("<II", data)
    (count,), at, commands = struct.unpack_from("<I", data, 16), 32, set()
    for _ in range(count):
        command, size = struct.unpack_from("<II", data, at)
        commands.add(command)
        at += size
    is_signed = CODE_SIGNATURE in commands or target.name == "macos-x86_64"
    return magic == 0xFEEDFACF and processor == MACHO_PROCESSORS[target.name] and is_signed


def is_for_windows(data: bytes, _target: Target) -> bool:
    """A 64-bit PE program of the windowed kind (subsystem 2)."""
    at = struct.unpack_from("<I", data, 0x3C)[0]
    machine = struct.unpack_from("<H", data, at + 4)[0]
    subsystem = struct.unpack_from("<H", data, at + 92)[0]
    return data[at : at + 4] == b"PE\0\0" and (machine, subsystem) == (0x8664, 2)


CHECKS: dict[str, Callable[[bytes, Target], bool]] = {
    "linux": is_for_linux,
    "macos": is_for_macos,
    "windows": is_for_windows,
}


@pytest.mark.parametrize("name", TARGETS)
def test_it_is_a_small_program_of_its_system(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    tools = tool_environment(print)
    zstd = source_folder("zstandard", tools, print) / "zstd"
    data = build_launcher(target, tools.zig, zstd, tmp_path / "launcher").read_bytes()
    assert CHECKS[target.system](data, target)
    assert len(data) < 260_000
