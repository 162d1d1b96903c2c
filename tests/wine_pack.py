"""A Windows pack under Wine: started by other Windows programs, in a console, or from here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from llamapack.image.folders import build_cache
from llamapack.image.wine import Wine, prepared, windows_path
from running_pack import free_port

DRIVER = Path(__file__).parent / "targets" / "on_windows.py"
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Computer:
    """Wine with a folder for tests, and Python for Windows. `opened` gets a line for each address
    that a browser was asked for."""

    wine: Wine
    python: tuple[str, ...]
    opened: Path

    @property
    def user_folder(self) -> Path:
        """What Windows calls %LOCALAPPDATA%\\llamapack."""
        (users,) = self.wine.prefix.glob("drive_c/users/*/AppData/Local")
        return users / "llamapack"

    def command(self, verb: str, pack: Path, *rest: str) -> list[str]:
        return [*self.python, windows_path(DRIVER), verb, windows_path(pack), *rest]

    def run(self, verb: str, pack: Path, *rest: str) -> dict[str, Any]:
        """What on_windows.py says of it. Its output is read no further than that: what it started
        may hold the other end for long."""
        with subprocess.Popen(
            self.command(verb, pack, *rest),
            env=self.wine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None, "it was started with a pipe"
            timer = threading.Timer(PATIENCE_S, self.wine.end)
            timer.start()
            try:
                line = next((line for line in process.stdout if line.startswith("{")), "{}")
            finally:
                timer.cancel()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def facts(self, pack: Path, *arguments: str) -> dict[str, Any]:
        """What the program says of itself and of this computer."""
        words = [*self.wine.command, str(pack), "--info", "--json", *arguments]
        said = subprocess.run(
            words,
            env=self.wine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=True,
        )
        answer: dict[str, Any] = json.loads(said.stdout)
        return answer

    @contextlib.contextmanager
    def serving(self, pack: Path, *arguments: str) -> Iterator[str]:
        """The address of a pack that is ready; it is ended afterwards."""
        url = f"http://127.0.0.1:{free_port()}"
        words = [*self.wine.command, str(pack), "--no-browser", "--port", url.rpartition(":")[2]]
        with subprocess.Popen(
            [*words, *arguments],
            env=self.wine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                wait_until(lambda: is_ready(url))
                yield url
            finally:
                self.wine.end()
                process.kill()

    def interrupted(self, pack: Path, url: str) -> dict[str, Any]:
        """From a terminal, with Ctrl-C typed when the model is ready."""
        master, slave = _new_terminal()
        # As a terminal would start it: setsid makes this terminal the controlling one.
        words = ["setsid", "--ctty", "--wait", *self.command("wait", pack, url)]
        with subprocess.Popen(
            words, env=self.wine.environment(), stdin=slave, stdout=slave, stderr=slave
        ) as process:
            os.close(slave)
            printed: list[bytes] = []
            reader = threading.Thread(target=_read_all, args=(master, printed), daemon=True)
            reader.start()
            wait_until(lambda: is_ready(url))
            os.write(master, b"\x03")
            try:
                process.wait(PATIENCE_S)
            finally:
                self.wine.end()
        reader.join()
        os.close(master)
        text = b"".join(printed).decode(errors="replace")
        answer: dict[str, Any] = json.loads(text[text.rindex("{") : text.rindex("}") + 1])
        return answer


def make_computer(folder: Path, python: tuple[str, ...]) -> Computer:
    """Windows that needs no screen to make windows, and with a browser that writes down what it is
    asked for."""
    wine = prepared(build_cache() / "wine" / "tests", print)
    browser, opened = folder / "browser", folder / "opened.txt"
    browser.write_text(f'#!/bin/sh\necho "$1" >> "{opened}"\n')
    browser.chmod(0o755)
    opened.touch()
    for key, name, value in (
        (r"HKCU\Software\Wine\Drivers", "Graphics", "x11,null"),
        (r"HKCU\Software\Wine\WineBrowser", "Browsers", str(browser)),
    ):
        words = [*wine.command, "reg", "add", key, "/v", name, "/d", value, "/f"]
        subprocess.run(words, env=wine.environment(), check=True, capture_output=True)
    computer = Computer(wine, python, opened)
    shutil.rmtree(computer.user_folder, ignore_errors=True)
    return computer


@contextlib.contextmanager
def with_screen(computer: Computer) -> Iterator[Computer]:
    """The same with one that nobody sees: without it Wine has no Vulkan."""
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24"]
    with subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as file:
            number = file.readline().strip()
        try:
            yield replace(computer, wine=replace(computer.wine, display=f":{number}"))
        finally:
            server.terminate()


def is_ready(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/health", trust_env=False, timeout=5).status_code == 200
    return False


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, f"not within {PATIENCE_S:.0f} s"
        threading.Event().wait(0.1)  # nothing signals it


if sys.platform != "win32":
    import pty

    def _new_terminal() -> tuple[int, int]:
        return pty.openpty()

else:

    def _new_terminal() -> tuple[int, int]:
        raise AssertionError("Wine is for other systems")


def _read_all(master: int, printed: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # when nobody has the other end any more
        while data := os.read(master, 4096):
            printed.append(data)
