"""What a runtime image for macOS is made with: the commands, and the files that are chosen."""

from __future__ import annotations

import platform
import plistlib
import sys
from pathlib import Path

import pytest

from llamapack.errors import TargetError
from llamapack.image import mac_libraries, mac_signing
from llamapack.image.errors import ImageError, StepError
from llamapack.image.freeze import PROGRAM
from llamapack.image.mac_libraries import copy_dylibs, library_files, library_links
from llamapack.image.mac_signing import ENTITLEMENTS, IDENTITY_VARIABLE, sign_commands, sign_tree
from llamapack.image.make import image_keys
from llamapack.image.native_systems import native_system
from llamapack.image.packages import requirements
from llamapack.image.pythons import can_make, interpreter_for
from llamapack.image.system import require_programs
from llamapack.image.tools import Environment
from llamapack.image.wheel import _cmake_arguments
from llamapack.targets.host import host_target
from llamapack.targets.macos import MACOS_ARM64, MACOS_X86_64
from llamapack.targets.types import Target

# As CMake installs them, and as pip leaves them.
INSTALLED = [
    *("libggml.dylib", "libggml.0.dylib", "libggml.0.9.0.dylib"),
    *("libggml-base.dylib", "libggml-base.0.dylib", "libggml-base.0.9.0.dylib"),
    *("libllama.dylib", "libllama.0.dylib", "libllama.0.0.1.dylib"),
    *("libllama-common.dylib", "libllama-common.0.dylib", "libmtmd.dylib"),
    *("libggml-cpu-apple_m1.so", "libggml-cpu-apple_m2_m3.so", "libggml-metal.so"),
    *("libggml-rpc.so", "libggml-blas.so", "__init__.py"),
]
COPIED = [
    *("libggml-base.0.dylib", "libggml-cpu-apple_m1.so", "libggml-cpu-apple_m2_m3.so"),
    *("libggml-metal.so", "libggml.0.dylib", "libllama.0.dylib", "libmtmd.dylib"),
]
MACHO = bytes.fromhex("cffaedfe") + bytes(28)
Said = list[list[str]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """The commands that were run, which a Mac alone has."""
    commands: Said = []

    def note(_step: str, command: list[str | Path], **_: object) -> None:
        commands.append([str(word) for word in command])

    for module in (mac_libraries, mac_signing):
        monkeypatch.setattr(module, "run", note)
    monkeypatch.delenv(IDENTITY_VARIABLE, raising=False)
    return commands


@pytest.mark.parametrize("target", [MACOS_ARM64, MACOS_X86_64])
def test_apples_compiler_compiles_with_metal_for_an_old_system(
    target: Target, tmp_path: Path
) -> None:
    options = _cmake_arguments(target, Environment(tmp_path / "tools", ""), tmp_path)
    assert "-DGGML_METAL=ON" in options
    assert "-DGGML_METAL_EMBED_LIBRARY=ON" in options
    assert f"-DCMAKE_OSX_ARCHITECTURES={target.machine}" in options
    assert "-DCMAKE_OSX_DEPLOYMENT_TARGET=11.0" in options
    assert "-DCMAKE_SHARED_LINKER_FLAGS=" in options
    assert not any("COMPILER=" in option for option in options)


def test_what_was_compiled_for_one_mac_is_not_taken_for_the_other() -> None:
    assert native_system(MACOS_ARM64).inputs != native_system(MACOS_X86_64).inputs


def test_one_file_of_each_library_and_the_names_that_are_looked_for() -> None:
    assert library_files(INSTALLED) == COPIED
    assert library_links(INSTALLED) == {
        "libggml-base.dylib": "libggml-base.0.dylib",
        "libggml.dylib": "libggml.0.dylib",
        "libllama.dylib": "libllama.0.dylib",
    }


def test_libraries_are_copied_once_and_stripped(tmp_path: Path, said: Said) -> None:
    source, target = tmp_path / "wheel", tmp_path / "lib"
    source.mkdir()
    for name in INSTALLED:
        (source / name).write_text(name)
    copy_dylibs(source, target)
    real = [path.name for path in sorted(target.iterdir()) if not path.is_symlink()]
    assert real == COPIED
    assert (target / "libllama.dylib").read_text() == "libllama.0.dylib"
    assert said == [["/usr/bin/strip", "-x", *(str(target / name) for name in COPIED)]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "_internal").mkdir(parents=True)
    for name in ("_internal/a.so", "_internal/b.dylib", PROGRAM):
        (folder / name).write_bytes(MACHO)
    (folder / "_internal/c.py").write_text("")
    return folder


def test_libraries_are_signed_before_what_loads_them(tree: Path, said: Said) -> None:
    sign_tree(tree, tree.parent)
    start = ["/usr/bin/codesign", "--force", "--sign", "-", "--timestamp=none"]
    files = [str(tree / "_internal" / name) for name in ("a.so", "b.dylib")]
    assert said == [[*start, *files], [*start, str(tree / PROGRAM)]]
    assert [path.name for path in tree.parent.iterdir()] == ["tree"]


def test_a_certificate_brings_the_hardened_runtime_and_the_program_its_rights(
    tree: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = image_keys("macos-arm64"), image_keys("linux-x86_64")
    monkeypatch.setenv(IDENTITY_VARIABLE, "Developer ID Application: Ana")
    sign_tree(tree, tree.parent)
    libraries, program = said
    for command in (libraries, program):
        assert command[3:7] == [
            *("Developer ID Application: Ana", "--timestamp", "--options", "runtime"),
        ]
    assert program[7:] == [
        *("--entitlements", str(tree.parent / "entitlements.plist"), str(tree / PROGRAM)),
    ]
    assert "--entitlements" not in libraries
    assert image_keys("macos-arm64") != before[0]
    assert image_keys("linux-x86_64") == before[1]


def test_the_only_right_is_what_callbacks_need() -> None:
    written = plistlib.loads(plistlib.dumps(ENTITLEMENTS))
    assert written == {"com.apple.security.cs.allow-unsigned-executable-memory": True}


def test_many_files_are_signed_in_several_calls() -> None:
    paths = [Path(f"{number}.so") for number in range(120)]
    commands = sign_commands(paths, "-")
    assert len(commands) == 3
    assert [word for command in commands for word in command if isinstance(word, Path)] == paths


def on_a_mac(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: machine)


@pytest.mark.parametrize("target", [MACOS_ARM64, MACOS_X86_64])
def test_a_mac_makes_images_for_itself_with_its_own_python(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not can_make(target) or host_target() == target.name
    on_a_mac(monkeypatch, target.machine)
    assert host_target() == target.name
    assert can_make(target)
    assert interpreter_for(target, lambda _: None) is None


def test_another_system_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(TargetError, match="on Linux x86-64 and on macOS"):
        host_target()


def test_a_mac_without_apples_tools_is_told_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(step: str, command: list[str], **_: object) -> None:
        raise StepError(step, command, 2, [])

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("llamapack.image.system.run", fail)
    with pytest.raises(ImageError, match="xcode-select --install"):
        require_programs(lambda _: None)


def test_what_freezes_on_a_mac_is_locked() -> None:
    pinned = [line.split("==")[0] for line in requirements("macos") if "==" in line]
    assert "macholib" in pinned
    assert not {"pefile", "pywin32-ctypes"} & set(pinned)
