"""Where an app of macOS has its parts. An app is a folder that people see as one thing:

    chat.app/Contents/Info.plist                  what macOS shows of it
    chat.app/Contents/PkgInfo
    chat.app/Contents/MacOS/chat                  the launcher: nothing may follow its signature
    chat.app/Contents/Resources/chat.llamapack    the archive, with no launcher before it
    chat.app/Contents/Resources/icon.icns
    chat.app/Contents/_CodeSignature              once it was signed on a Mac

The archive begins with no launcher since Apple's notary looks at every program in an app, and one
with an archive behind its signature would be refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from llamapack_runtime.pack.format import SIDECAR_SUFFIX

SIGN_SCRIPT = Path(__file__).with_name("sign.sh")
APP_SUFFIX = ".app"
INFO, PACKAGE_INFO, ICON = "Contents/Info.plist", "Contents/PkgInfo", "Contents/Resources/icon.icns"
PROGRAMS = "MacOS"
_RESOURCES = "Contents/Resources"
_SIGNATURE = "Contents/_CodeSignature"


def stem_of(app: Path) -> str:
    """The name without ".app", which its program has."""
    is_app = app.name.lower().endswith(APP_SUFFIX)
    return app.name[: -len(APP_SUFFIX)] if is_app else app.name


def program_place(stem: str) -> str:
    return f"Contents/{PROGRAMS}/{stem}"


def archive_place(stem: str) -> str:
    """Where the launcher looks: see runtime/launcher/beside.h."""
    return f"{_RESOURCES}/{stem}{SIDECAR_SUFFIX}"


def archive_in(app: Path) -> Path | None:
    """The archive of the folder `app`, whatever that is called now; None: it is no such app. Links
    lead to what is not of the app."""
    resources = app / _RESOURCES
    if resources.is_symlink() or resources.parent.is_symlink():
        return None
    found = [
        path
        for path in resources.glob(f"*{SIDECAR_SUFFIX}")
        if path.is_file() and not path.is_symlink()
    ]
    return found[0] if len(found) == 1 else None


def app_with(path: Path) -> Path | None:
    """The app that `path` is, or whose archive it is."""
    if path.is_dir():
        return path if archive_in(path) is not None else None
    archive = Path(os.path.realpath(path))
    app = archive.parents[2] if len(archive.parents) > 2 else None
    return app if app is not None and archive_in(app) == archive else None


def is_signed(path: Path) -> bool:
    """Whether the app that `path` is, or whose archive it is, has a signature over all that is in
    it."""
    app = app_with(path)
    return app is not None and (app / _SIGNATURE).is_dir()
