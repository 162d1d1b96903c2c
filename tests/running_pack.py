"""Starts a real pack as its recipient would, in an environment of its own, and stops it again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the developer's: a home, a cache and a temporary folder below `home`."""
    for name in ("tmp", "cache", "data"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LLAMAPACK_CACHE": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
    } | more


@dataclass(slots=True)
class RunningPack:
    """A pack's process, its address without a final slash, and the file with all it printed."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_page(self) -> float:
        """Seconds from this call to the first complete page."""
        return self._wait_for("/", {200})

    def wait_until_ready(self) -> float:
        """Seconds from this call to the first answer that says the model is loaded."""
        return self._wait_for("/health", {200})

    def _wait_for(self, path: str, statuses: set[int]) -> float:
        started = time.monotonic()
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(self.url + path, trust_env=False, timeout=10).status_code in statuses:
                    return time.monotonic() - started
            waited = time.monotonic() - started
            if self.process.poll() is not None or waited > START_TIMEOUT_S:
                self.kill()
                raise AssertionError(f"no {path} after {waited:.1f} s; it printed: {self.printed}")
            threading.Event().wait(0.01)  # nothing signals that a port is open

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """The exit status after `how`, which must come within five seconds."""
        self.process.send_signal(how)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {STOP_TIMEOUT_S:.0f} s after {how.name}") from None

    def kill(self) -> None:
        if sys.platform == "win32":
            self.process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def spawn(
    pack: Path,
    home: Path,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
    folder: Path | None = None,
) -> RunningPack:
    """Start `pack` in a session of its own; returns at once."""
    port = port or free_port()
    variables = clean_environment(home) | dict(environment or {})
    log = home / f"log-{port}.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(pack), "--no-browser", "--port", str(port), *arguments],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,
        )
    return RunningPack(process, f"http://127.0.0.1:{port}", log)


@contextlib.contextmanager
def running(pack: Path, home: Path, **options: object) -> Iterator[RunningPack]:
    """A pack that is ready; stopped with SIGTERM at the end, if it still runs."""
    started = spawn(pack, home, **options)  # type: ignore[arg-type]  # passed on as they are
    try:
        started.wait_until_ready()
        yield started
        if started.process.poll() is None:
            started.stop()
    finally:
        started.kill()


def chat(url: str, text: str, **options: object) -> str:
    """One greedy answer, not streamed."""
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 24}
    reply = httpx.post(
        f"{url}/v1/chat/completions", json=body | options, trust_env=False, timeout=60
    )
    assert reply.status_code == 200, reply.text
    return str(reply.json()["choices"][0]["message"]["content"])
