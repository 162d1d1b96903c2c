"""Starts `python -m llamapack_runtime` in an environment of its own."""

from __future__ import annotations

import contextlib
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
COMMAND = [sys.executable, "-m", "llamapack_runtime"]


@dataclass
class Home:
    """Folders of a user who exists for one test."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        for name in ("tmp", "cache", "data", "libraries"):
            (self.root / name).mkdir(exist_ok=True)
        return {
            "PATH": f"{self.root}:/usr/bin:/bin",
            "HOME": str(self.root),
            "TMPDIR": str(self.root / "tmp"),
            "LLAMAPACK_CACHE": str(self.root / "cache"),
            "XDG_DATA_HOME": str(self.root / "data"),
            "LLAMAPACK_LIBRARIES": str(self.root / "libraries"),
        }

    def write_opener(self) -> dict[str, str]:
        """Variables of a desktop whose browser adds the addresses it gets to `opened`."""
        opener = self.root / "xdg-open"
        opener.write_text(f'#!/bin/sh\necho "$1" >> "{self.root}/opened"\n')
        opener.chmod(0o755)
        return {"DISPLAY": ":0"}

    @property
    def opened(self) -> list[str]:
        return (self.root / "opened").read_text().split()

    def wait_until_opened(self, process: subprocess.Popen[bytes]) -> str:
        """The address that its browser got first."""
        for _ in range(int(TIMEOUT_S / 0.02)):
            with contextlib.suppress(FileNotFoundError):
                if self.opened:
                    return self.opened[0]
            if process.poll() is not None:
                break
            threading.Event().wait(0.02)  # nothing signals what the opener does
        pytest.fail("no browser was opened")

    def write_model(self) -> Path:
        """A GGUF without tensors: its header is fine, and it cannot be loaded."""
        key, value = b"general.architecture", b"llama"
        path = self.root / "a model.gguf"
        path.write_bytes(
            struct.pack("<4sI2Q", b"GGUF", 3, 0, 1)
            + struct.pack(f"<Q{len(key)}sI", len(key), key, 8)
            + struct.pack(f"<Q{len(value)}s", len(value), value)
        )
        return path


def run(home: Home, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """To its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=home.environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, trust_env=False, timeout=TIMEOUT_S)

    def wait_for(self, path: str, statuses: set[int]) -> httpx.Response:
        """The first answer with such a status."""
        for _ in range(int(TIMEOUT_S / 0.02)):
            with contextlib.suppress(httpx.TransportError):
                reply = self.get(path)
                if reply.status_code in statuses:
                    return reply
            if self.process.poll() is not None:
                break
            threading.Event().wait(0.02)  # nothing signals that a port is open
        pytest.fail(f"no {path}; it printed: {self.printed}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """The exit code, which must come within the time that a stop may take."""
        return self.process.wait(STOP_TIMEOUT_S)


@contextlib.contextmanager
def double_clicked(home: Home, **variables: str) -> Iterator[Running]:
    """As a file manager starts it, on a desktop, and the page that it opened. Killed at the end if
    it still runs."""
    log = home.root / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            COMMAND,
            env={**home.environment, **home.write_opener(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = Running(process, "", log)
    try:
        started.url = home.wait_until_opened(process).rstrip("/")
        started.wait_for("/", {200})
        yield started
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(
    home: Home, port: int, *arguments: str, command: Sequence[str] = COMMAND, **variables: str
) -> Iterator[Running]:
    """Serving the page. Killed at the end if it still runs."""
    log = home.root / f"log-{port}.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), *arguments],
            env={**home.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = Running(process, f"http://127.0.0.1:{port}", log)
    try:
        started.wait_for("/", {200, 401})
        yield started
    finally:
        process.kill()
        process.wait()
