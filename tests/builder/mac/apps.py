"""Names that the tests of apps share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

TARGET = "macos-arm64"
LAUNCHER = b"\xcf\xfa\xed\xfe a launcher for macOS"
PROGRAM, ARCHIVE = "Contents/MacOS/chat", "Contents/Resources/chat.llamapack"
PARTS = ["Info.plist", "MacOS/chat", "PkgInfo", "Resources/chat.llamapack", "Resources/icon.icns"]
Build = Callable[..., dict[str, object]]


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
