"""The script that signs apps on a Mac: as far as a shell of another system can tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from llamapack.mac.places import SIGN_SCRIPT

FAKES = {
    "uname": "echo Darwin",
    "xattr": 'echo "xattr $*" >> "$LOG"',
    "file": 'case $2 in */chat) echo "Mach-O 64-bit executable arm64";; *) echo data;; esac',
    "codesign": 'echo "codesign $*" >> "$LOG"; exit "${UNSIGNED:-0}"',
    "ditto": 'echo "ditto $*" >> "$LOG"; shift 4; echo zip > "$2"',
    "xcrun": 'echo "xcrun $*" >> "$LOG"; exit "${REFUSED:-0}"',
    "spctl": 'echo "spctl $*" >> "$LOG"',
}


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
        ["sh", str(SIGN_SCRIPT), *arguments], env=environment, capture_output=True, text=True
    )
    calls = log.read_text().splitlines() if log.exists() else []
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
    zip_file = f"{app.with_suffix('.zip')}"
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


def test_what_cannot_be_signed_ends_it_before_the_app_is(app: Path) -> None:
    code, calls, _ = sign(app, str(app), "Ana", "mine", UNSIGNED="1")
    assert (code, len(calls)) == (1, 2)
    assert not app.with_suffix(".zip").exists()


@pytest.mark.parametrize("arguments", [(), ("nowhere.app",), ("nowhere.app", "Ana")])
def test_what_is_missing_is_said(app: Path, arguments: tuple[str, ...]) -> None:
    code, calls, said = sign(app, *arguments)
    assert (code, calls, said.startswith("sign.sh: ")) == (1, [], True)
