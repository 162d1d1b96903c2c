"""The script that signs apps on a Mac: as far as a shell of another system can tell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from command_line import names
from llamapack.mac.places import SIGN_SCRIPT

FAKES = {
    "uname": "echo Darwin",
    "xattr": 'echo "xattr $*" >> "$LOG"',
    "file": 'case $2 in */chat) echo "Mach-O 64-bit executable arm64";; *) echo data;; esac',
    "codesign": 'echo "codesign $*" >> "$LOG"; exit "${UNSIGNED:-0}"',
    "ditto": 'echo "ditto $*" >> "$LOG"; shift 4; printf "%030d%s" 0 "${1##*/}/" > "$2"',
    "xcrun": 'echo "xcrun $*" >> "$LOG"; exit "${REFUSED:-0}"',
    "spctl": 'echo "spctl $*" >> "$LOG"',
}
ZIPPED = "0" * 30 + "my chat.app/"  # as far as the script reads it


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "my chat.app"
    for place in ("MacOS/chat", "Resources/chat.llamapack", "Resources/icon.icns", "Info.plist"):
        path = folder / "Contents" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for name, line in FAKES.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    return folder


def sign(app: Path, *arguments: str, **more: str) -> tuple[int, list[str], str]:
    """Exit code, what was called, and what was said."""
    log = app.parent / "log"
    environment = {"PATH": f"{app.parent / 'bin'}:{os.environ['PATH']}", "LOG": str(log), **more}
    ran = subprocess.run(
        ["sh", str(SIGN_SCRIPT), *arguments],
        cwd=app.parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    # The ZIP file lies in a folder of its own, whose name nobody knows, until it is complete.
    made = re.sub(r"\.[A-Za-z0-9]{6}/", "/", log.read_text()) if log.exists() else ""
    calls = made.splitlines()
    return ran.returncode, calls, ran.stderr


def test_shells_take_it() -> None:
    subprocess.run(["sh", "-n", SIGN_SCRIPT], check=True)
    if shutil.which("shellcheck") is None:
        pytest.skip("there is no shellcheck; `make test` installs it")
    subprocess.run(["shellcheck", SIGN_SCRIPT], check=True)


def test_programs_are_signed_first_and_the_app_is_notarized(app: Path) -> None:
    code, calls, said = sign(app, f"{app}/", "Developer ID Application: Ana", "mine")
    assert code == 0, said
    signing = "codesign --force --sign Developer ID Application: Ana --timestamp --options runtime"
    zip_file = app.with_suffix("") / "my chat.zip"
    assert calls == [
        f"xattr -cr {app}",
        f"{signing} {app}/Contents/MacOS/chat",
        f"{signing} {app}",
        f"codesign --verify --strict --verbose=2 {app}",
        f"ditto -c -k --keepParent --sequesterRsrc {app} {zip_file}",
        f"xcrun notarytool submit {zip_file} --keychain-profile mine --wait",
        f"xcrun stapler staple {app}",
        f"spctl --assess --type execute --verbose {app}",
        f"ditto -c -k --keepParent --sequesterRsrc {app} {zip_file}",
    ]
    assert app.with_suffix(".zip").read_text() == ZIPPED
    assert names(app.parent) == ["bin", "log", "my chat.app", "my chat.zip"]


def test_without_a_certificate_nothing_is_sent(app: Path) -> None:
    code, calls, _ = sign(app, str(app), "-")
    assert code == 0
    assert "codesign --force --sign - --timestamp=none" in calls[1]
    assert not any(call.startswith("xcrun") for call in calls)
    code, _, said = sign(app, str(app), "-", "mine")
    assert (code, "only what was signed with a certificate" in said) == (1, True)


def test_what_apple_refuses_ends_it(app: Path) -> None:
    code, calls, _ = sign(app, str(app), "Ana", "mine", REFUSED="69")
    assert (code, any("staple" in call for call in calls)) == (69, False)
    assert names(app.parent) == ["bin", "log", "my chat.app"]


def test_what_cannot_be_signed_ends_it_before_the_app_is(app: Path) -> None:
    code, calls, _ = sign(app, str(app), "Ana", "mine", UNSIGNED="1")
    assert (code, len(calls)) == (1, 2)
    assert not app.with_suffix(".zip").exists()


def write_zip(path: Path, first: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(first, "x")
    return path.read_bytes()


@pytest.mark.parametrize("data", [b"", b"mine", None], ids=["empty", "text", "zip"])
def test_a_zip_file_of_something_else_stays(app: Path, data: bytes | None) -> None:
    theirs = app.with_suffix(".zip")
    if data is None:
        data = write_zip(theirs, "my chat.apples/notes.txt")
    theirs.write_bytes(data)
    code, calls, said = sign(app, str(app), "-")
    assert (code, calls, "does not hold my chat.app. Move it away" in said) == (1, [], True)
    assert theirs.read_bytes() == data


@pytest.mark.parametrize("first", ["", "Contents/Info.plist"])
def test_a_zip_file_of_the_app_is_replaced_once_there_is_another(app: Path, first: str) -> None:
    mine = app.with_suffix(".zip")
    before = write_zip(mine, f"my chat.app/{first}")
    assert sign(app, str(app), "Ana", "mine", REFUSED="69")[0] == 69
    assert mine.read_bytes() == before
    code, _, said = sign(app, str(app), "Ana", "mine")
    assert (code, mine.read_text()) == (0, ZIPPED), said


def test_names_that_look_like_options_are_names(app: Path) -> None:
    app.rename(app.with_name("-rf.app"))
    code, calls, said = sign(app, "-rf.app", "-")
    assert code == 0, said
    assert calls[0] == "xattr -cr ./-rf.app"
    assert names(app.parent) == ["-rf.app", "-rf.zip", "bin", "log"]


def test_an_app_is_named_from_outside(app: Path) -> None:
    code, calls, said = sign(app, f"{app}/Contents/..", "-")
    assert (code, calls, "is not the app's name" in said) == (1, [], True)


@pytest.mark.parametrize("arguments", [(), ("nowhere.app",), ("nowhere.app", "Ana")])
def test_what_is_missing_is_said(app: Path, arguments: tuple[str, ...]) -> None:
    code, calls, said = sign(app, *arguments)
    assert (code, calls, said.startswith("sign.sh: ")) == (1, [], True)
