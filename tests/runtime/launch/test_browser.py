"""The browser is opened where there is a desktop, and with the user's own environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llamapack_runtime.launch.browser import can_open, child_environment, open_page

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others need no opener")

OPENER = '#!/bin/sh\n(echo "$1"; env) > "$(dirname "$0")/opened"\n'


@pytest.fixture
def desktop(tmp_path: Path) -> dict[str, str]:
    """An environment with a display and an xdg-open that writes down what it is given."""
    opener = tmp_path / "xdg-open"
    opener.write_text(OPENER)
    opener.chmod(0o755)
    return {"DISPLAY": ":0", "PATH": f"{tmp_path}:/usr/bin:/bin"}


def test_a_desktop_can(desktop: dict[str, str]) -> None:
    assert can_open(desktop)
    del desktop["DISPLAY"]
    assert not can_open(desktop)
    assert can_open(desktop | {"WAYLAND_DISPLAY": "wayland-0"})


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_TTY"])
def test_not_over_ssh(desktop: dict[str, str], name: str) -> None:
    assert not can_open(desktop | {name: "x"})


def test_not_without_an_opener(tmp_path: Path) -> None:
    assert not can_open({"DISPLAY": ":0", "PATH": str(tmp_path)})


def test_the_page_is_opened_with_the_users_libraries(
    desktop: dict[str, str], tmp_path: Path
) -> None:
    ours = {
        "LD_LIBRARY_PATH": "/frozen",
        "LLAMAPACK_ORIGINAL_LD_LIBRARY_PATH": "/users",
        "LLAMAPACK_API_KEY": "a-long-secret",
        "_PYI_ARCHIVE_FILE": "x",
    }
    open_page("http://127.0.0.1:8080/", desktop | ours).join(10)
    opened = (tmp_path / "opened").read_text().splitlines()
    assert opened[0] == "http://127.0.0.1:8080/"
    assert "LD_LIBRARY_PATH=/users" in opened
    assert not [line for line in opened if line.startswith(("LLAMAPACK_", "_PYI"))]


def test_without_an_original_library_path_there_is_none() -> None:
    assert child_environment({"LD_LIBRARY_PATH": "/frozen", "A": "b"}) == {"A": "b"}
