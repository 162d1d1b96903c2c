"""Starts and stops the servers under test: a pack of ours, or any other by its command line.

All that a row compares live side by side, started and stopped together; while one is measured the
others wait (the row `idle` checks that waiting costs nothing).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from bench.client import Ask, Stream, chat, together
from bench.process_tree import cpu_seconds, memory_bytes
from bench.reply import BenchError, Reply
from running_pack import clean_environment, free_port, spawn

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.005
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Shape:
    """What every server of a row is told alike. `threads` None leaves them to the server; `ctx`
    is the whole context in tokens, for all `parallel` sequences."""

    parallel: int
    ctx: int
    threads: int | None = 2


@dataclass(slots=True)
class Server:
    """A running server. `started` is on the clock of time.perf_counter; `weights` is the file
    that it maps its weights from."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    weights: Path
    started: float = field(default_factory=time.perf_counter)

    @property
    def address(self) -> tuple[str, int]:
        return (_HOST, self.port)

    def open(self, ask: Ask, announce_after: int = 1) -> Stream:
        return Stream(self.address, ask, announce_after)

    def ask(self, ask: Ask) -> Reply:
        return self.ask_together([ask])[0]

    def ask_together(self, asks: Sequence[Ask]) -> list[Reply]:
        return together(self.address, asks)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text; status 0 when nobody answers."""
        link = http.client.HTTPConnection(*self.address, timeout=10)
        with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
            link.request("GET", path, headers={"Connection": "close"})
            answer = link.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        return 0, ""

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def memory_bytes(self) -> int:
        """Without the mapped pages of the weights."""
        return memory_bytes(self.process.pid, self.weights)

    def wait_ready(self) -> None:
        """Raises BenchError when it ends before, or takes too long."""
        while not self._is_ready():
            waited = time.perf_counter() - self.started
            if self.process.poll() is not None or waited > START_TIMEOUT_S:
                raise BenchError(f"{self.name} {self._fate()} It wrote: {self._last_words()}")
            time.sleep(_POLL_S)

    def _is_ready(self) -> bool:
        """A server without /health is ready when it lists its model."""
        health = self.get("/health")[0]
        return health == 200 or (health == 404 and self.get("/v1/models")[0] == 200)

    def stop(self) -> None:
        """With SIGTERM, so that it can save what it wants to; SIGKILL when that takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        if sys.platform == "win32":
            self.process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _fate(self) -> str:
        status = self.process.poll()
        if status is None:
            return f"was not ready after {START_TIMEOUT_S:.0f} s."
        by = f" by {signal.Signals(-status).name}" if status < 0 else f" with status {status}"
        return f"ended{by} before it was ready."

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-2:])[-400:] or "nothing."


class Contender(Protocol):
    """Something that can be started as often as a row wants."""

    @property
    def name(self) -> str: ...

    def start(self, shape: Shape) -> Server: ...


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack of ours. Each name has a home of its own, or a second start would find the first and
    end; all share one cache, so that all run the CPU variant that was found first."""

    path: Path
    scratch: Path
    name: str = "ours"
    arguments: tuple[str, ...] = ()

    def having(self, *arguments: str, name: str = "") -> Pack:
        """The same pack with more arguments, under a name that says so."""
        return replace(
            self,
            name=name or f"{self.name} {' '.join(arguments)}",
            arguments=(*self.arguments, *arguments),
        )

    def start(self, shape: Shape) -> Server:
        arguments = [f"--ctx-size={shape.ctx}", f"--parallel={shape.parallel}", *self.arguments]
        if shape.threads is not None:
            arguments += [f"--threads={shape.threads}", f"--threads-batch={shape.threads}"]
        started = time.perf_counter()
        running = spawn(self.path, self._home, arguments=arguments, environment=self._environment)
        port = int(running.url.rpartition(":")[2])
        return Server(self.name, running.process, port, running.log, self.path, started)

    def printed(self, *arguments: str) -> str:
        """What it prints with `arguments` that make it stop at once, such as --help."""
        environment = clean_environment(self._home) | self._environment
        words = [str(self.path), *arguments]
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=START_TIMEOUT_S
        )
        if done.returncode != 0:
            raise BenchError(f"{' '.join(words)} failed: {done.stderr[-400:]}")
        return done.stdout

    @property
    def _home(self) -> Path:
        return self.scratch / re.sub(r"\W+", "-", self.name)

    @property
    def _environment(self) -> dict[str, str]:
        cache = self.scratch / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        return {"LLAMAPACK_CACHE": str(cache)}


@dataclass(frozen=True, slots=True)
class Program:
    """Another server by its command line, with {port} {model} {threads} {parallel} {ctx} in it.
    A flag whose value is {threads} is left out where the row leaves threads to the server."""

    command: str
    model: Path
    scratch: Path
    name: str = "llama-server"

    def having(self, *arguments: str) -> Program:
        return replace(
            self,
            name=f"{self.name} {' '.join(arguments)}",
            command=f"{self.command} {shlex.join(arguments)}",
        )

    def start(self, shape: Shape) -> Server:
        port = free_port()
        log = self.scratch / f"peer-{port}.txt"
        with log.open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(
                self.words(shape, port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return Server(self.name, process, port, log, self.model, started)

    def words(self, shape: Shape, port: int) -> list[str]:
        values = {
            "port": port,
            "model": self.model,
            "threads": shape.threads,
            "parallel": shape.parallel,
            "ctx": shape.ctx,
        }
        words = shlex.split(self.command)
        if shape.threads is None:
            given = [index for index, word in enumerate(words) if word == "{threads}"]
            gone = {place for index in given for place in (index - 1, index)}
            words = [word for index, word in enumerate(words) if index not in gone]
        return [word.format(**values) for word in words]


@contextmanager
def serving(shape: Shape, *contenders: Contender) -> Iterator[list[Server]]:
    """All of them, ready and warmed by one short answer each, in the order given."""
    with ExitStack() as stack:
        servers = []
        for contender in contenders:
            server = contender.start(shape)
            stack.callback(server.stop)
            server.wait_ready()
            server.ask(chat("Say hello.", 4))
            servers.append(server)
        yield servers
