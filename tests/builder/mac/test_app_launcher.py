"""The program in an app: the launcher, beside which the archive is not."""

from __future__ import annotations

import os
import plistlib
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from builder.mac.apps import ARCHIVE, PROGRAM
from builder.runtime_image import image_of
from command_line import Run
from llamapack.image import store
from llamapack.image.launcher import build_launcher
from llamapack.image.macho import macho_files, oldest_system, processors
from llamapack.image.sources import source_folder
from llamapack.image.tools import tool_environment
from llamapack.mac.places import SIGN_SCRIPT
from llamapack.targets import table
from llamapack.targets.table import TARGETS
from llamapack.targets.types import Target
from llamapack_runtime.pack import Pack


@pytest.mark.usefixtures("workplace")
def test_a_linux_launcher_in_an_app_starts_it(
    tmp_path: Path, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lookup, on the system that is here; and a state is baked before the app is there."""
    named = os.environ.get("LLAMAPACK_TEST_LAUNCHER")
    if not named:
        pytest.skip("LLAMAPACK_TEST_LAUNCHER names no launcher; `make test` builds one and sets it")
    here = replace(TARGETS["linux-x86_64"], program_suffix=".app")
    monkeypatch.setattr(table, "TARGETS", {"linux-x86_64": here})
    monkeypatch.setattr(Target, "is_app", property(lambda _: True))
    from builder.runtime_image import program_archive

    script = '#!/bin/sh\n[ "$1" = --bake-state ] && echo state > "$2"\necho "$LLAMAPACK_PACK"\n'
    archive = program_archive(script)
    launcher = Path(named).read_bytes()
    key = "f" * 16
    store.remove_image("0123456789abcdef")
    store.add_image(image_of(tmp_path / "here", "linux-x86_64", archive, launcher, key=key))
    monkeypatch.setenv("LLAMAPACK_CACHE", str(tmp_path / "unpacked"))
    ran = run("build", model, "-o", "chat", "--system-prompt", "Be brief.", "--bake")
    assert ran.code == 0, ran.err
    assert "Start it with: open ./chat.app" in ran.out
    assert f"on a Mac: sh {SIGN_SCRIPT} APP IDENTITY" in ran.out
    with Pack.open(Path("chat.app", ARCHIVE)) as pack:
        assert pack.read("state/system.state", 99) == b"state\n"
    program = Path("chat.app", PROGRAM).absolute()
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    assert said == f"{Path('chat.app', ARCHIVE).absolute()}\n"


def end_of_signature(program: bytes) -> int | None:
    """Where the linker's own ends: the last thing that macOS allows in a program."""
    (count,), at = struct.unpack_from("<I", program, 16), 32
    for _ in range(count):
        kind, length, offset, size = struct.unpack_from("<4I", program, at)
        if kind == 0x1D:  # LC_CODE_SIGNATURE
            return int(offset + size)
        at += length
    return None


@pytest.fixture(scope="module", params=["macos-arm64", "macos-x86_64"])
def linked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """A target, and its launcher: compiled before a test has a cache of its own."""
    name: str = request.param
    tools = tool_environment(print)
    zstd = source_folder("zstandard", tools, print) / "zstd"
    out = tmp_path_factory.mktemp("launcher") / "launcher"
    return name, build_launcher(TARGETS[name], tools.zig, zstd, out).read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_real_launcher_is_in_it_as_it_was_linked(
    linked: tuple[str, bytes], workplace: Path, tmp_path: Path, model: Path, run: Run
) -> None:
    name, launcher = linked
    store.add_image(image_of(tmp_path / "mac", name, b"", launcher))
    assert run("build", model, "-o", "chat", "--target", name).code == 0
    program = workplace / "chat.app" / PROGRAM
    assert processors(program) == (TARGETS[name].machine,)
    data = program.read_bytes()
    assert data == launcher
    assert end_of_signature(data) == (len(data) if name == "macos-arm64" else None)
    told = plistlib.loads((workplace / "chat.app/Contents/Info.plist").read_bytes())
    assert oldest_system(program) == (11, 0)
    assert told["LSMinimumSystemVersion"] == "11.0"
    assert [path.name for path in macho_files(workplace / "chat.app")] == ["chat"]
