"""How a start looks from inside: by double-click, from a terminal, by a script, by a service
manager."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llamapack_runtime.launch.recent_log import RecentLog
from llamapack_runtime.launch.serving import Serving
from llamapack_runtime.launch.source import find_source
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.paths import find_paths
from llamapack_runtime.settings import read_settings
from runtime.launch.processes import COMMAND, Home, running

if sys.platform == "win32":
    pytest.skip("sessions and signals of this kind are POSIX's", allow_module_level=True)

import pty

ASK = (
    "import os, pathlib, sys; from llamapack_runtime.launch.desktop import is_double_click;"
    "answer = is_double_click(os.environ, pathlib.Path(sys.argv[2]));"
    "os.write(int(sys.argv[1]), str(answer).encode())"
)
SERVICE = ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh"]
# What gives a child a terminal of its session, and then hides it.
SCRIPT = (
    "import fcntl, os, sys, termios;"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); null = os.open(os.devnull, os.O_RDWR);"
    "[os.dup2(null, number) for number in (0, 1, 2)]; os.execvp(sys.argv[1], sys.argv[1:])"
)


def looks(*before: str, stdin: int = subprocess.DEVNULL, cgroup: str = "/nowhere") -> bool:
    """What a new session sees that was started behind the command `before`."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as answer:
        try:
            subprocess.run(
                [*before, sys.executable, "-c", ASK, str(writer), cgroup],
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[writer],
                start_new_session=True,
                check=True,
                timeout=60,
            )
        finally:
            os.close(writer)
        return {"True": True, "False": False}[answer.read()]


def test_a_file_manager_gives_no_terminal() -> None:
    assert looks()


def test_a_terminal_is_none() -> None:
    ours, theirs = pty.openpty()
    try:
        assert not looks(stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_script_in_a_terminal_is_none() -> None:
    """Although its input and output lead nowhere."""
    ours, theirs = pty.openpty()
    try:
        assert not looks(sys.executable, "-c", SCRIPT, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_nohup_is_none() -> None:
    assert not looks("nohup")


def test_a_service_is_none() -> None:
    assert not looks(*SERVICE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("application.llamapack.1.2", True), ("0", True), ("org.example.chat", False)],
)
def test_launchd_of_macos_says_what_it_starts(name: str, expected: bool) -> None:
    assert looks("env", f"XPC_SERVICE_NAME={name}") == expected


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("user@1000.service/app.slice/app-org.kde.dolphin-3f.service", True),
        ("user@1000.service/app.slice/chat.service", False),
        ("system.slice/chat.service", False),
    ],
)
def test_a_desktop_may_have_a_service_manager_start_it(
    tmp_path: Path, unit: str, expected: bool
) -> None:
    cgroup = tmp_path / "cgroup"
    cgroup.write_text(f"0::/user.slice/{unit}\n")
    assert looks(*SERVICE, cgroup=str(cgroup)) == expected
    assert looks("env", "SYSTEMD_EXEC_PID=1", cgroup=str(cgroup))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], True),
        (["--quit-when-closed", "on"], True),
        (["--quit-when-closed", "off"], False),
    ],
)
def test_after_a_double_click_it_ends_unless_told_otherwise(
    home: Home, free_port: int, arguments: list[str], expected: bool
) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    with running(home, free_port, *arguments, "-m", model, **desktop) as program:
        assert program.get("/llamapack/info").json()["quits_when_closed"] is expected


def test_in_a_terminal_it_ends_where_that_was_asked_for(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    for arguments, expected in (([], False), (["--quit-when-closed", "on"], True)):
        nohup = ["nohup", *COMMAND]
        with running(home, free_port, *arguments, "-m", model, command=nohup, **desktop) as program:
            assert program.get("/llamapack/info").json()["quits_when_closed"] is expected


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--no-browser"], {"DISPLAY": ":0"}),
        ([], {}),
        ([], {"DISPLAY": ":0", "SSH_CONNECTION": "x"}),
    ],
)
def test_without_a_browser_of_ours_it_never_does(
    home: Home, arguments: list[str], variables: dict[str, str]
) -> None:
    home.write_opener()
    environment = {**home.environment, **variables}
    asked = ["--quit-when-closed", "on", "-m", str(home.write_model()), *arguments]
    settings, paths = read_settings({}, environment, asked), find_paths(environment)
    source = find_source(None, settings, paths)
    serving = Serving(source, settings, paths, environment, StopRequest(), RecentLog())
    assert not serving.quits_when_closed
